import { pipeline } from 'node:stream/promises';

import express from 'express';

import { rows } from './rows.js';

export function service() {
    const app = express();
    app.get('/healthz', (_request, response) => response.send('ok\n'));
    app.post('/rows', async (request, response) => {
        response.type('application/x-ndjson');
        await pipeline(request, rows(), response);
    });
    return app;
}
