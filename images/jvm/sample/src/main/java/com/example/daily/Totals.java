package com.example.daily;

import java.io.IOException;
import java.io.Reader;
import java.math.BigDecimal;
import java.time.LocalDate;
import java.time.format.DateTimeParseException;
import java.util.Map;
import java.util.TreeMap;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVRecord;

/** What was booked on each day. */
final class Totals {
    private static final CSVFormat FORMAT = CSVFormat.RFC4180.builder()
            .setHeader().setSkipHeaderRecord(true).setTrim(true).get();

    private final Map<LocalDate, BigDecimal> days = new TreeMap<>();

    static Totals of(Reader input) throws IOException {
        Totals totals = new Totals();
        for (CSVRecord row : FORMAT.parse(input)) {
            try {
                totals.days.merge(LocalDate.parse(row.get("day")), new BigDecimal(row.get("amount")),
                        BigDecimal::add);
            } catch (DateTimeParseException | NumberFormatException error) {
                throw new IllegalArgumentException("record " + row.getRecordNumber() + " is not a booking", error);
            }
        }
        return totals;
    }

    Map<String, String> byDay() {
        Map<String, String> result = new TreeMap<>();
        days.forEach((day, sum) -> result.put(day.toString(), sum.toPlainString()));
        return result;
    }
}
