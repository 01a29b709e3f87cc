// mock_server.mjs - the dashboard and a stream of a made-up day, without tandem.
//
//   node mock_server.mjs [--port 8080] [--speed 60] [--at 14:08] [--land FILE]
//
// Serves the very bytes that tools/embed_web.mjs puts into the binary, under the same security
// policy, and the stream and requests of web/CONTRACT.md over a Model (mock_model.mjs). The day's
// script: 14:10 us-west-2 is drained, 14:35 restored; 15:05 us-east-1 is lost, 15:25 it returns.

import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { collect } from '../../tools/embed_web.mjs';
import { Model, NOON } from './mock_model.mjs';
import { routes } from './mock_network.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const TICK_MS = 250;
const HEARTBEAT_MS = 1000;
const POLICY =
    "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; " +
    "frame-ancestors 'none'";

export function assets(land) {
    const made = land ?? join(mkdtempSync(join(tmpdir(), 'tandem-web-')), 'land.js');
    if (!land) execFileSync(process.execPath, [join(ROOT, 'tools/make_map.mjs'), made]);
    const { files } = collect({
        web: join(ROOT, 'web'),
        modules: join(ROOT, 'node_modules'),
        add: { 'land.js': made },
    });
    return new Map(files.map((f) => [f.name === 'index.html' ? '/' : `/${f.name}`, f]));
}

function send_asset(request, response, file) {
    const headers = {
        'Content-Type': file.type,
        ETag: file.etag,
        'Cache-Control': 'no-cache',
        Vary: 'Accept-Encoding',
        'Content-Security-Policy': POLICY,
        'X-Content-Type-Options': 'nosniff',
        'Referrer-Policy': 'no-referrer',
    };
    if (request.headers['if-none-match'] === file.etag)
        return response.writeHead(304, headers).end();
    const gzip = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
    response.writeHead(200, gzip ? { ...headers, 'Content-Encoding': 'gzip' } : headers);
    return response.end(gzip ? file.gzip : file.identity);
}

const problem = (response, status, title, detail) =>
    response
        .writeHead(status, { 'Content-Type': 'application/problem+json' })
        .end(JSON.stringify({ type: 'about:blank', title, status, detail }));

async function body_of(request) {
    let text = '';
    for await (const part of request) text += part;
    return JSON.parse(text);
}

/* { url, model, requests, sent(), hush(yes), refuse(yes), cut(), close() }; sent() is the document
 * as last sent. */
export async function serve({ port = 0, speed = 60, at = NOON + 128 * 60000, land, seed } = {}) {
    const files = assets(land);
    const model = new Model({ seed });
    model.run_to(at);
    const clients = new Set();
    const requests = [];
    let hushed = false;
    let refused = false;

    const event = (name, data) =>
        `event: ${name}\nid: ${model.revision}\ndata: ${JSON.stringify(data)}\n\n`;
    let before = {};
    let told = model.timeline.length;
    let sent_at = 0;
    let sent = null;

    function tick() {
        model.run_to(model.now + speed * TICK_MS);
        const { timeline, series, ...doc } = model.doc(speed);
        const update = { revision: doc.revision, now_ms: doc.now_ms };
        for (const [key, value] of Object.entries(doc))
            if (JSON.stringify(value) !== before[key]) {
                before[key] = JSON.stringify(value);
                update[key] = value;
            }
        if (model.point) update.series_point = model.point;
        model.point = null;
        let text = '';
        if (Object.keys(update).length > 2 || Date.now() - sent_at >= HEARTBEAT_MS)
            text += event('update', update);
        for (; told < timeline.length; told++) text += event('timeline', model.timeline[told]);
        if (hushed || !text) return;
        sent_at = Date.now();
        sent = { ...doc, timeline, series };
        for (const c of clients) c.write(text);
    }

    function stream(request, response) {
        if (refused) return problem(response, 503, 'Service Unavailable', 'the hub is starting');
        response.writeHead(200, {
            'Content-Type': 'text/event-stream',
            'Cache-Control': 'no-store',
        });
        response.write(`retry: 2000\n\n${event('snapshot', model.doc(speed))}`);
        clients.add(response);
        request.on('close', () => clients.delete(response));
    }

    function look_up(request, response) {
        const prefix = new URL(request.url, 'http://x').searchParams.get('prefix');
        if (!/^[0-9.]+(\/\d+)?$/.test(prefix))
            return problem(response, 400, 'Bad Request', 'prefix: must be a prefix');
        return response
            .writeHead(200, { 'Content-Type': 'application/json' })
            .end(JSON.stringify(routes(prefix)));
    }

    async function act(request, response) {
        const body = await body_of(request);
        requests.push({ method: request.method, url: request.url, body });
        const m = /^\/v1\/sites\/([^/]+)\/(drain|restore)$/.exec(request.url);
        const site = m && model.site(decodeURIComponent(m[1]));
        if (request.method === 'PUT' && request.url === '/v1/policy')
            model.set_policy(body.policy, body.reason ?? '', 'you');
        else if (!site)
            return problem(
                response,
                404,
                'No such site',
                `${request.url} names no site of this configuration`,
            );
        else if (
            m[2] === 'drain' &&
            !model.sites.some((s) => s !== site && s.group === site.group && model.serves(s))
        )
            return problem(
                response,
                409,
                'The drain would leave its group without a site',
                `${site.name} is the only serve-ready site of group ${site.group}`,
            );
        else model[m[2]](site.name, body.reason, 'you');
        return response
            .writeHead(200, { 'Content-Type': 'application/json' })
            .end(JSON.stringify({ revision: model.revision }));
    }

    const server = createServer((request, response) => {
        const file = files.get(new URL(request.url, 'http://x').pathname);
        if (request.method === 'GET' && request.url.startsWith('/v1/stream'))
            stream(request, response);
        else if (request.method === 'GET' && request.url.startsWith('/v1/net/routes'))
            look_up(request, response);
        else if (request.method === 'GET' && file) send_asset(request, response, file);
        else if (request.method === 'POST' || request.method === 'PUT')
            act(request, response).catch((error) =>
                problem(response, 400, 'Bad request', error.message),
            );
        else problem(response, 404, 'Not found', request.url);
    });
    await new Promise((resolve) => {
        server.listen(port, '127.0.0.1', resolve);
    });
    const timer = setInterval(tick, TICK_MS);
    return {
        url: `http://127.0.0.1:${server.address().port}`,
        model,
        requests,
        sent: () => sent,
        hush: (yes) => {
            hushed = yes;
        },
        refuse: (yes) => {
            refused = yes;
        },
        cut: () => clients.forEach((c) => c.destroy()),
        close: () => {
            clearInterval(timer);
            clients.forEach((c) => c.destroy());
            server.closeAllConnections();
            return new Promise((resolve) => {
                server.close(resolve);
            });
        },
    };
}

/* "14:08" as a moment of the day in the script */
export function moment(text) {
    const [h, m] = text.split(':').map(Number);
    return NOON + ((h - 12) * 60 + m) * 60000;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
    const arg = (name, otherwise) => {
        const i = process.argv.indexOf(`--${name}`);
        return i < 0 ? otherwise : process.argv[i + 1];
    };
    const s = await serve({
        port: Number(arg('port', 8080)),
        speed: Number(arg('speed', 60)),
        at: moment(arg('at', '14:08')),
        land: arg('land'),
    });
    console.log(`the made-up day is at ${s.url}`);
}
