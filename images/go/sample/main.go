// feedstat serves the summary of a stream of readings: what arrives as CSV by POST is counted per
// sensor and answered as JSON.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/spf13/pflag"

	"example.com/feedstat/internal/feed"
)

var version = "devel"

func routes(summary *feed.Summary) http.Handler {
	router := chi.NewRouter()
	router.Use(middleware.Recoverer)
	router.Post("/readings", func(w http.ResponseWriter, r *http.Request) {
		count, err := summary.Add(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintln(w, count)
	})
	router.Get("/summary", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(summary.Sensors())
	})
	return router
}

func main() {
	listen := pflag.String("listen", "127.0.0.1:8080", "address to serve on")
	showVersion := pflag.Bool("version", false, "print the version and exit")
	once := pflag.Bool("once", false, "read standard input, print its summary and exit")
	pflag.Parse()

	summary := feed.NewSummary()
	switch {
	case *showVersion:
		fmt.Println("feedstat", version)
	case *once:
		if _, err := summary.Add(os.Stdin); err != nil {
			log.Fatal(err)
		}
		json.NewEncoder(os.Stdout).Encode(summary.Sensors())
	default:
		server := &http.Server{Addr: *listen, Handler: routes(summary), ReadTimeout: 10 * time.Second}
		log.Println("listening on", *listen)
		log.Fatal(server.ListenAndServe())
	}
}
