package feed

import (
	"strings"
	"testing"
)

func TestSummaryOfTwoSensors(t *testing.T) {
	summary := NewSummary()
	if count, err := summary.Add(strings.NewReader("a,1\nb,5\na,3\n")); count != 3 || err != nil {
		t.Fatalf("took %d, %v", count, err)
	}
	sensors := summary.Sensors()
	if len(sensors) != 2 || sensors[0] != (Sensor{Name: "a", Count: 2, Min: 1, Max: 3, Mean: 2}) {
		t.Fatalf("%+v", sensors)
	}
}

func TestInputWithAnErrorLeavesNothing(t *testing.T) {
	summary := NewSummary()
	if _, err := summary.Add(strings.NewReader("a,1\na,one\n")); err == nil {
		t.Fatal("took a word for a number")
	}
	if len(summary.Sensors()) != 0 {
		t.Fatal("kept a part of bad input")
	}
}
