// dashboard.test.mjs - the dashboard in a real browser (Chromium), against a made-up day.
//
//   node --test tests/web/dashboard.test.mjs
//
// Environment:
//   TANDEM_URL   a running hub instead of the mock; what would change it is then left out
//   CHROMIUM     the browser, /usr/bin/chromium
//   SHOTS        a folder for the screenshots, tests/web/shots
//
// Goal: what a person relies on. The board shows what the stream says and how old it is, never an
// old figure as fresh; keys and a screen reader reach everything; nothing is done without the name
// typed; and it fits a telephone as well as a desk. Nothing here is judged by how long it takes:
// waits end when the thing waited for is there.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { moment, serve } from './mock_server.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const SHOTS = process.env.SHOTS ?? join(HERE, 'shots');
const LIVE = process.env.TANDEM_URL;
const MOCK_ONLY = LIVE ? 'needs the mock' : false;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const ARGS = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
];
const TILES = ['totals', 'map', 'sites', 'queues', 'arrivals', 'agents', 'health', 'timeline'];
const LONG = { timeout: 40000 };

let browser;
let mock;
let context;
let page;
let complaints;

/* The board's own view of the world: the stream's first event, read without the page. */
async function snapshot(url) {
    const stop = new AbortController();
    const response = await fetch(`${url}/v1/stream`, { signal: stop.signal });
    let text = '';
    for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
        text += part;
        const m = /event: snapshot\n(?:id: \S+\n)?data: (.*)\n/.exec(text);
        if (m) {
            stop.abort();
            return JSON.parse(m[1]);
        }
    }
    throw new Error('the stream ended before its snapshot');
}

async function open({
    width = 1280,
    height = 900,
    theme = 'light',
    path = '/',
    at = '14:08',
} = {}) {
    mock = LIVE ? null : await serve({ at: moment(at), speed: 20 });
    const url = LIVE ?? mock.url;
    context = await browser.newContext({
        viewport: { width, height },
        colorScheme: theme,
        locale: 'en-GB',
        timezoneId: 'America/New_York',
    });
    page = await context.newPage();
    complaints = [];
    page.on('console', (m) => ['error', 'warning'].includes(m.type()) && complaints.push(m.text()));
    page.on('pageerror', (e) => complaints.push(e.stack));
    await page.addInitScript(() => {
        document.addEventListener('securitypolicyviolation', (e) =>
            console.error(`policy: ${e.violatedDirective} ${e.blockedURI}`),
        );
    });
    await page.goto(url + path);
    await page.waitForSelector('#sites', LONG);
    return url;
}

const texts = (selector) => page.locator(selector).allInnerTexts();
const shot = (name) => page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });

async function grave_accessibility_faults() {
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() =>
        globalThis.axe.run(document, { resultTypes: ['violations'] }),
    );
    const place = (n) => `    ${n.html.slice(0, 160)}\n    ${n.failureSummary.split('\n')[1]}`;
    return violations
        .filter((v) => ['serious', 'critical'].includes(v.impact))
        .map((v) => [`${v.id}: ${v.help}`, ...v.nodes.slice(0, 4).map(place)].join('\n'));
}

async function no_sideways_scroll() {
    const [scroll, inner] = await page.evaluate(() => [
        document.documentElement.scrollWidth,
        innerWidth,
    ]);
    assert.ok(scroll <= inner, `the page is ${scroll} wide in a window of ${inner}`);
}

before(async () => {
    mkdirSync(SHOTS, { recursive: true });
    browser = await chromium.launch({
        executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
        args: ARGS,
    });
});
after(() => browser.close());
beforeEach(() => {
    complaints = [];
});
afterEach(async () => {
    await context?.close();
    await mock?.close();
});

describe('the board', () => {
    test('loads under its security policy, without a complaint of the browser', async () => {
        const url = await open();
        await page.waitForTimeout(1500); // a few updates are drawn
        const policy = (await fetch(url)).headers.get('content-security-policy');
        assert.match(policy, /default-src 'self'/);
        assert.doesNotMatch(policy, /unsafe/);
        assert.deepEqual(complaints, []);
    });

    test('shows every tile with its age and the command that gives the same', async () => {
        const url = await open();
        const doc = await snapshot(url);
        for (const id of TILES) {
            assert.match(
                await page.locator(`#${id} > header .age`).innerText(),
                /\d+(\.\d)? \S+ ago$/,
                id,
            );
            assert.match(
                await page.locator(`#${id} > header .command`).innerText(),
                /^tandem /,
                id,
            );
        }
        const sites = doc.sites.map((s) => s.name).sort();
        assert.deepEqual((await texts('#sites .name')).sort(), sites);
        assert.deepEqual((await texts('#agents tbody th')).sort(), sites);
        assert.deepEqual(
            (await page.locator('#map .point .name').allTextContents()).map((t) => t.trim()).sort(),
            [...sites, ...doc.nodes.filter((n) => n.role === 'hub').map((n) => n.name)].sort(),
        );
        assert.equal((await texts('#health tbody tr')).length, doc.nodes.length);
        assert.deepEqual(
            (await texts('#queues tbody th')).map((t) => t.trim()).sort(),
            doc.queues.map((q) => `${q.name} ${q.channel}`).sort(),
        );
        assert.match(
            await page.locator('#queues .foot').innerText(),
            new RegExp(doc.queues[0].service_level_definition.replace(/[()/+.]/g, '\\$&')),
        );
    });

    test('shows the figures of the stream', { skip: MOCK_ONLY }, async () => {
        await open();
        mock.hush(true);
        await page.waitForTimeout(500);
        const doc = mock.sent();
        const cells = await page
            .locator('#sites tbody tr[data-site]')
            .evaluateAll((rows) =>
                rows.map((r) =>
                    [
                        ...r.querySelectorAll(
                            '.share .figure, .share .of, .off .figure[aria-hidden], td.n',
                        ),
                    ].map((e) => e.innerText),
                ),
            );
        const minus = (x) => x.replace('-', '−');
        assert.deepEqual(
            cells.map((c) => c.slice(0, 4)),
            doc.sites.map((s) => [
                `${(s.share_got * 100).toFixed(2)} %`,
                `of ${s.share_wanted * 100} %`,
                s.share_off_contacts > 0
                    ? `+${s.share_off_contacts.toFixed(1)}`
                    : minus(s.share_off_contacts.toFixed(1)),
                s.arrivals_per_min.toFixed(1),
            ]),
        );
        const figures = await page.locator('#totals dl > div').allInnerTexts();
        const of = (name) => figures.find((f) => f.startsWith(name)).split('\n')[1];
        const sum = (rows, key) => rows.reduce((n, r) => n + r[key], 0);
        assert.equal(of('Waiting'), String(sum(doc.sites, 'waiting')));
        assert.equal(of('On contact'), String(sum(doc.sites, 'connected')));
        assert.equal(
            of('Decisions'),
            doc.totals.decisions.toString().replace(/(\d)(?=(\d{3})+$)/g, '$1,'),
        );
        assert.equal(of('Service level'), `${(doc.totals.service_level * 100).toFixed(1)} %`);
    });

    test('takes updates and timeline entries as they come', async () => {
        await open();
        const clock = await page.locator('.clock time').innerText();
        await page.waitForFunction(
            (old) => document.querySelector('.clock time').innerText !== old,
            clock,
            LONG,
        );
        if (mock) {
            mock.model.note('config', 'a new entry', 'test');
            await page.waitForSelector('#timeline li:first-child:has-text("a new entry")', LONG);
        }
    });

    test('adds each whole minute to the arrivals, and has them as a table', async () => {
        await open();
        const rows = () => page.locator('#arrivals tbody tr th').first().innerText();
        await page.locator('#arrivals .act').click();
        const newest = await rows();
        await page.waitForFunction(
            (old) => document.querySelector('#arrivals tbody tr th').innerText !== old,
            newest,
            { timeout: 90000 },
        );
        assert.match(page.url(), /arrivals=table/);
    });
});

describe('staleness', () => {
    test(
        'ages tick, figures fade, a banner comes, and the board connects again',
        { skip: MOCK_ONLY },
        async () => {
            await open();
            mock.hush(true);
            mock.refuse(true);
            await page.waitForFunction(
                () =>
                    /^[1-4]\.\d s ago$/.test(
                        document.querySelector('#sites .age').innerText.replace(/^updated\s*/, ''),
                    ),
                null,
                LONG,
            );
            assert.equal(await page.locator('#stale-banner').count(), 0);
            await page.waitForSelector('#sites.old', LONG);
            assert.match(await page.locator('#link').innerText(), /silent/);
            await page.waitForSelector('#stale-banner', LONG);
            assert.match(await page.locator('#stale-banner').innerText(), /figures are old/);
            await page.waitForFunction(
                () => /reconnecting/.test(document.querySelector('#link').innerText),
                null,
                LONG,
            );
            await shot('stale');
            mock.hush(false);
            mock.refuse(false);
            await page.waitForFunction(
                () => /live/.test(document.querySelector('#link').innerText),
                null,
                LONG,
            );
            assert.equal(await page.locator('#stale-banner').count(), 0);
            await page.waitForFunction(
                () => /Connected again/.test(document.getElementById('said').innerText),
                null,
                LONG,
            );
        },
    );

    test('a cut connection is said at once and made again', { skip: MOCK_ONLY }, async () => {
        await open();
        mock.refuse(true);
        mock.cut();
        await page.waitForFunction(
            () => /reconnecting/.test(document.querySelector('#link').innerText),
            null,
            LONG,
        );
        mock.refuse(false);
        await page.waitForFunction(
            () => /live/.test(document.querySelector('#link').innerText),
            null,
            LONG,
        );
    });

    test('a paused board says so and holds still', async () => {
        await open();
        await page.keyboard.press('p');
        const clock = await page.locator('.clock time').innerText();
        await page.waitForFunction(
            () =>
                /[1-9]\d* changes since/.test(document.querySelector('#paused-banner')?.innerText),
            null,
            LONG,
        );
        assert.equal(await page.locator('.clock time').innerText(), clock);
        await page.keyboard.press('p');
        await page.waitForFunction(
            (old) => document.querySelector('.clock time').innerText !== old,
            clock,
            LONG,
        );
    });

    test(
        'a site that does not report is told from one that does',
        { skip: MOCK_ONLY },
        async () => {
            await open({ at: '15:08' });
            const row = page.locator('#sites tr[data-site="us-east-1"]');
            assert.match(await row.innerText(), /down/);
            assert.match(await row.innerText(), /last report .* ago/);
            assert.match(await row.getAttribute('class'), /old/);
            assert.equal(
                (await page.locator('#sites tr[data-site="eu-west-1"]').getAttribute('class')) ||
                    '',
                '',
            );
            assert.match(await page.locator('#alerts').innerText(), /critical\s+us-east-1 is down/);
            assert.equal(
                await page.locator('#health .state:has-text("down")').count(),
                8,
                'four see it down, it sees none of four',
            );
        },
    );
});

describe('keys', () => {
    test('the first stop is the skip link', async () => {
        await open();
        await page.keyboard.press('Tab');
        assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
        await page.keyboard.press('Enter');
        assert.equal(await page.evaluate(() => document.activeElement.id), 'board');
    });

    test('/ filters, the link keeps the filter, Esc clears it', async () => {
        const url = await open();
        const { sites } = await snapshot(url);
        const one = sites[0].name;
        await page.keyboard.press('/');
        await page.keyboard.type(one);
        await page.waitForFunction(
            (n) => document.querySelectorAll('#sites .name').length === n,
            1,
            LONG,
        );
        assert.deepEqual(await texts('#sites .name'), [one]);
        assert.equal(new URL(page.url()).searchParams.get('filter'), one);
        await page.keyboard.press('Escape');
        await page.waitForFunction(
            (n) => document.querySelectorAll('#sites .name').length === n,
            sites.length,
            LONG,
        );
        await page.goto(`${url}/?filter=${one}`);
        await page.waitForSelector('#sites .name', LONG);
        assert.deepEqual(await texts('#sites .name'), [one]);
        await page.keyboard.press('/');
        await page.keyboard.type(' nothing-has-this-name');
        await page.waitForFunction(
            () => /No site matches/.test(document.querySelector('#sites').innerText),
            null,
            LONG,
        );
    });

    test('? opens the help, Esc closes it, and focus comes back', async () => {
        await open();
        await page.locator('#pause').focus();
        await page.keyboard.press('?');
        await page.waitForSelector('dialog[open]', LONG);
        assert.match(await page.locator('dialog').innerText(), /Keys and signs/);
        await page.keyboard.press('Escape');
        await page.waitForSelector('dialog', { state: 'detached' });
        assert.equal(await page.evaluate(() => document.activeElement.id), 'pause');
    });

    test('j and k walk the rows, Enter opens one, back closes it', async () => {
        const url = await open();
        const { sites } = await snapshot(url);
        for (let i = 0; i <= sites.length; i++) await page.keyboard.press('j');
        assert.ok(await page.evaluate(() => document.activeElement.matches('#queues [data-row]')));
        await page.keyboard.press('Enter');
        await page.waitForSelector('#queues .opened', LONG);
        assert.match(await page.locator('#queues .opened').innerText(), new RegExp(sites[0].name));
        await page.keyboard.press('k');
        assert.ok(await page.evaluate(() => document.activeElement.matches('#sites [data-row]')));
        await page.goBack();
        await page.waitForSelector('#queues .opened', { state: 'detached' });
    });

    test('t changes between UTC and local time', async () => {
        await open();
        await page.keyboard.press('p');
        const at = () => page.evaluate(() => document.querySelector('.clock time').innerText);
        const utc = await at();
        await page.keyboard.press('t');
        await page.waitForFunction(
            (old) => document.querySelector('.clock time').innerText !== old,
            utc,
            LONG,
        );
        const hours = (t) => Number(t.slice(0, 2));
        const behind = (hours(utc) - hours(await at()) + 24) % 24;
        assert.ok(
            behind === 5 || behind === 4,
            `New York is 5 or 4 hours behind UTC, not ${behind}`,
        );
        assert.match(page.url(), /time=local/);
    });
});

describe('acts', () => {
    const drain = (site) => page.locator(`#sites tr[data-site="${site}"] [data-open]`);

    test('a drain wants a reason and the exact name, and shows first what it does', async () => {
        const url = await open();
        const site = (await snapshot(url)).sites.find((s) => s.state === 'in-service').name;
        await drain(site).click();
        const button = page.locator('#do-it');
        assert.match(
            await page.locator('dialog').innerText(),
            new RegExp(`New contacts stop going to\\s+${site}`),
        );
        assert.ok(await button.isDisabled());
        await page.locator('#confirm').fill(site);
        assert.ok(await button.isDisabled(), 'the name alone is not enough');
        await page.locator('#reason').fill('a test');
        assert.ok(await button.isEnabled());
        for (const wrong of [site.toUpperCase(), site.slice(0, -1), `${site}x`, '']) {
            await page.locator('#confirm').fill(wrong);
            assert.ok(await button.isDisabled(), `"${wrong}" must not do`);
            await page.keyboard.press('Enter');
        }
        await page.keyboard.press('Escape');
        await page.waitForSelector('dialog', { state: 'detached' });
        assert.deepEqual(mock?.requests ?? [], []);
    });

    test('drain, and undo', { skip: MOCK_ONLY }, async () => {
        await open();
        await drain('us-west-2').click();
        await page.locator('#reason').fill('firmware');
        await page.locator('#confirm').fill('us-west-2');
        await shot('drain');
        await page.keyboard.press('Enter');
        await page.waitForSelector('#done', LONG);
        assert.deepEqual(mock.requests, [
            { method: 'POST', url: '/v1/sites/us-west-2/drain', body: { reason: 'firmware' } },
        ]);
        await page.waitForSelector('#sites tr[data-site="us-west-2"]:has-text("draining")', LONG);
        await page.locator('#done button').first().click();
        await page.waitForSelector('#done', { state: 'detached' });
        assert.equal(mock.requests[1].url, '/v1/sites/us-west-2/restore');
        await page.waitForSelector('#sites tr[data-site="us-west-2"]:has-text("returning")', LONG);
    });

    test(
        'a refusal is shown in the words of the hub, and the dialog stays',
        { skip: MOCK_ONLY },
        async () => {
            await open({ at: '15:08' });
            await drain('us-west-2').click();
            assert.match(
                await page.locator('dialog').innerText(),
                /No other site of group us is serve-ready/,
            );
            await page.locator('#reason').fill('firmware');
            await page.locator('#confirm').fill('us-west-2');
            await page.locator('#do-it').click();
            await page.waitForSelector('#problem', LONG);
            const said = await page.locator('#problem').innerText();
            assert.match(said, /The drain would leave its group without a site/);
            assert.match(said, /us-west-2 is the only serve-ready site of group us/);
            await shot('refused');
            assert.deepEqual(
                complaints.filter((c) => !/409/.test(c)),
                [],
            );
        },
    );

    test('the policy is changed after its shares were shown', { skip: MOCK_ONLY }, async () => {
        await open();
        await page.locator('#policy').click();
        await page.locator('input[value="event"]').check();
        await shot('policy');
        assert.match(
            await page.locator('dialog .plan').innerText(),
            /us-east-1\s+us\s+50\.0 %\s+70\.0 %/,
        );
        await page.locator('#reason').fill('campaign');
        await page.locator('#confirm').fill('event');
        await page.locator('#do-it').click();
        await page.waitForSelector('#policy:has-text("event")', LONG);
        assert.deepEqual(mock.requests, [
            { method: 'PUT', url: '/v1/policy', body: { policy: 'event', reason: 'campaign' } },
        ]);
    });
});

describe('the network', () => {
    const NET = ['net-map', 'net-verdicts', 'net-links', 'net-paths', 'net-routes'];

    test('shows links, paths and what is wrong, worst first', { skip: MOCK_ONLY }, async () => {
        await open();
        for (const id of NET)
            assert.match(await page.locator(`#${id} > header .command`).innerText(), /^tandem net/);
        assert.deepEqual(await texts('#net-links tbody th'), ['use1-a', 'use1-b', 'usw2-a']);
        assert.match((await texts('#net-links tbody tr'))[2], /down hold timer expired/);
        assert.match(await page.locator('#net-map svg').getAttribute('aria-label'), /usw2-a down/);
        assert.equal(await page.locator('#net-map .wire.crit').count(), 1);
        const kinds = (await texts('#net-verdicts .state')).map((t) => t.trim());
        assert.deepEqual(kinds, ['session down', 'route missing', 'more specific']);
        const cells = await texts('#net-paths tbody tr:first-child td');
        assert.deepEqual(cells.map((t) => t.trim()), ['·', '8.2', 'down']);
        assert.deepEqual(complaints, []);
    });

    test('a verdict opens to its meaning, and the link shows the same', { skip: MOCK_ONLY }, async () => {
        await open();
        await page.locator('#net-verdicts [data-open]').first().click();
        assert.match(await page.locator('#net-verdicts').innerText(), /What to do about session_down/);
        assert.match(page.url(), /verdict=9/);
        await page.reload();
        await page.waitForSelector('#net-verdicts .means', LONG);
        await page.goBack();
        await page.waitForSelector('#net-verdicts .means', { state: 'detached' });
    });

    test('finds the way to a prefix, once round where it loops', { skip: MOCK_ONLY }, async () => {
        await open();
        await page.locator('#prefix').fill('10.1.0.7');
        await page.keyboard.press('Enter');
        await page.waitForSelector('#net-routes tbody', LONG);
        const ways = (await texts('#net-routes table:first-of-type tbody tr')).map((t) =>
            t.replace(/\s+/g, ' '),
        );
        assert.match(ways[0], /hub gcp –use1-a→ use1 delivered/);
        assert.match(ways[1], /us-west-2 usw2 –p→ use1 –p→ usw2 loop/);
        await page.locator('#prefix').fill('east');
        await page.keyboard.press('Enter');
        await page.getByText('prefix: must be a prefix').waitFor(LONG);
    });

    test('is not there when none is watched', { skip: MOCK_ONLY }, async () => {
        await open();
        mock.model.network = null;
        await page.waitForSelector('#net-map', { state: 'detached', ...LONG });
        assert.equal(await page.locator('#net-links').count(), 0);
    });
});

describe('looks', () => {
    for (const [width, height] of [
        [1280, 900],
        [400, 860],
    ])
        for (const theme of ['light', 'dark'])
            test(`${width} px, ${theme}: fits, no serious accessibility fault`, async () => {
                await open({ width, height, theme, at: '15:08' });
                await page.waitForTimeout(800);
                await no_sideways_scroll();
                await shot(`board-${width}-${theme}`);
                assert.deepEqual(await grave_accessibility_faults(), []);
                assert.deepEqual(complaints, []);
            });

    for (const theme of ['light', 'dark'])
        test(`dialogs, ${theme}: fit a telephone, no serious accessibility fault`, async () => {
            await open({ width: 400, height: 860, theme, path: '/?arrivals=table' });
            assert.deepEqual(await grave_accessibility_faults(), []);
            await page.keyboard.press('?');
            await page.waitForSelector('dialog[open]', LONG);
            await shot(`help-400-${theme}`);
            assert.deepEqual(await grave_accessibility_faults(), []);
            await page.keyboard.press('Escape');
            await page.waitForSelector('dialog', { state: 'detached' });
            await page.locator('#sites [data-open]').first().click();
            await page.waitForSelector('dialog[open]', LONG);
            await no_sideways_scroll();
            await shot(`drain-400-${theme}`);
            assert.deepEqual(await grave_accessibility_faults(), []);
        });

    test('the theme follows the system until it is chosen, and is remembered', async () => {
        await open({ theme: 'dark' });
        const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        const dark = await ground();
        await page.locator('#theme').selectOption('light');
        assert.notEqual(await ground(), dark);
        const light = await ground();
        await page.reload();
        await page.waitForSelector('#sites', LONG);
        assert.equal(await ground(), light);
        await page.locator('#theme').selectOption('system');
        assert.equal(await ground(), dark);
    });

    test('nothing moves for who wants no motion', async () => {
        await open();
        await page.emulateMedia({ reducedMotion: 'reduce' });
        const moving = await page.evaluate(
            () =>
                [...document.querySelectorAll('*')].filter((e) => {
                    const s = getComputedStyle(e);
                    return (
                        (s.transitionProperty !== 'none' && s.transitionDuration !== '0s') ||
                        s.animationName !== 'none'
                    );
                }).length,
        );
        assert.equal(moving, 0);
    });
});
