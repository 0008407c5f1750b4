module example.com/feedstat

go 1.25

require (
	github.com/go-chi/chi/v5 v5.5.0
	github.com/spf13/pflag v1.1.0
)
