package com.example.daily;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Sums a CSV file of "day,account,amount" by day, once or as a service. */
@Command(name = "daily-totals", version = "daily-totals 1.1.0", mixinStandardHelpOptions = true,
        description = "Sums a CSV file of day,account,amount by day.")
public final class DailyTotals implements Callable<Integer> {
    private static final Logger LOG = LoggerFactory.getLogger(DailyTotals.class);
    private static final ObjectMapper JSON = new ObjectMapper()
            .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS);

    @Parameters(arity = "0..1", description = "The file; standard input when it is not given.")
    private Path file;

    @Option(names = "--serve", description = "Answer POST /totals on this port of the loopback.")
    private Integer port;

    @Override
    public Integer call() throws IOException {
        if (port != null) {
            serve(port);
            return 0;
        }
        try (Reader input = file == null
                ? new InputStreamReader(System.in, StandardCharsets.UTF_8) : Files.newBufferedReader(file)) {
            System.out.println(JSON.writeValueAsString(Totals.of(input).byDay()));
        }
        return 0;
    }

    private static void serve(int port) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.createContext("/totals", exchange -> {
            try (exchange; Reader body = new InputStreamReader(exchange.getRequestBody(), StandardCharsets.UTF_8)) {
                byte[] answer = JSON.writeValueAsBytes(Totals.of(body).byDay());
                exchange.getResponseHeaders().set("Content-Type", "application/json");
                exchange.sendResponseHeaders(200, answer.length);
                exchange.getResponseBody().write(answer);
            } catch (IllegalArgumentException error) {
                LOG.warn("refused: {}", error.getMessage());
                exchange.sendResponseHeaders(400, -1);
            }
        });
        server.start();
        LOG.info("listening on {}", server.getAddress().getPort());
    }

    public static void main(String[] args) {
        int status = new CommandLine(new DailyTotals()).execute(args);
        if (status != 0) {
            System.exit(status);
        }
    }
}
