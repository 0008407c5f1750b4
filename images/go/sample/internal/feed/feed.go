// Package feed counts readings.
package feed

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"sort"
	"strconv"
	"sync"
)

// Sensor is what is known of one sensor.
type Sensor struct {
	Name  string  `json:"name"`
	Count int     `json:"count"`
	Min   float64 `json:"min"`
	Max   float64 `json:"max"`
	Mean  float64 `json:"mean"`
}

// Summary may be used by several goroutines.
type Summary struct {
	mutex   sync.Mutex
	sensors map[string]*Sensor
}

// NewSummary knows no sensor yet.
func NewSummary() *Summary {
	return &Summary{sensors: map[string]*Sensor{}}
}

// Add reads lines of "sensor,value" and returns how many it took. Nothing is
// kept of input that has an error.
func (s *Summary) Add(input io.Reader) (int, error) {
	reader := csv.NewReader(input)
	reader.FieldsPerRecord = 2
	records, err := reader.ReadAll()
	if err != nil {
		return 0, err
	}
	values := make([]float64, len(records))
	for i, record := range records {
		if values[i], err = strconv.ParseFloat(record[1], 64); err != nil {
			return 0, fmt.Errorf("line %d: %q is not a number", i+1, record[1])
		}
	}

	s.mutex.Lock()
	defer s.mutex.Unlock()
	for i, record := range records {
		s.add(record[0], values[i])
	}
	return len(records), nil
}

func (s *Summary) add(name string, value float64) {
	sensor, known := s.sensors[name]
	if !known {
		sensor = &Sensor{Name: name, Min: math.Inf(1), Max: math.Inf(-1)}
		s.sensors[name] = sensor
	}
	sensor.Mean += (value - sensor.Mean) / float64(sensor.Count+1)
	sensor.Count++
	sensor.Min = math.Min(sensor.Min, value)
	sensor.Max = math.Max(sensor.Max, value)
}

// Sensors are the known sensors by name.
func (s *Summary) Sensors() []Sensor {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	sensors := make([]Sensor, 0, len(s.sensors))
	for _, sensor := range s.sensors {
		sensors = append(sensors, *sensor)
	}
	sort.Slice(sensors, func(i, j int) bool { return sensors[i].Name < sensors[j].Name })
	return sensors
}
