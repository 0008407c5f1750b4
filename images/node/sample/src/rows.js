import { Transform, compose } from 'node:stream';

import { parse } from 'csv-parse';

// What looks like a number is one, but not an identifier with leading zeros.
function value(text) {
    return /^-?(0|[1-9]\d*)(\.\d+)?$/.test(text) ? Number(text) : text;
}

export function rows() {
    const lines = new Transform({
        writableObjectMode: true,
        transform(record, _encoding, done) {
            const row = Object.fromEntries(
                Object.entries(record).map(([name, text]) => [name, value(text)]));
            done(null, `${JSON.stringify(row)}\n`);
        },
    });
    return compose(parse({ columns: true, trim: true }), lines);
}
