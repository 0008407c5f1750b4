#!/usr/bin/env node
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

import { Command } from 'commander';

import { rows } from './rows.js';
import { service } from './service.js';

const program = new Command('rowpipe')
    .description('CSV in, newline-delimited JSON out')
    .version('0.4.0');

program.command('convert')
    .description('convert a file, or standard input')
    .argument('[file]', 'a CSV file with a heading line')
    .action(async (file) => {
        const input = file ? createReadStream(file) : process.stdin;
        await pipeline(input, rows(), process.stdout, { end: false });
    });

program.command('serve')
    .description('answer POST /rows with the converted body')
    .option('--port <number>', 'port on the loopback', Number, 8080)
    .action(({ port }) => {
        const server = service().listen(port, '127.0.0.1', () => {
            console.log(`listening on ${server.address().port}`);
        });
    });

await program.parseAsync();
