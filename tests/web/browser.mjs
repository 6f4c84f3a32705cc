// SPDX-License-Identifier: LGPL-2.1-or-later
// A browser that obeys: one JSON command a line on stdin, one JSON answer a line on stdout. Debian's chromium with a fresh profile. Every
// violation of the page's policy, every error of its scripts and every request to another machine is kept and told with `complaints`.
import { createInterface } from "node:readline";
import { readFileSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const profile = mkdtempSync(join(tmpdir(), "hamon-web-"));
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const context = await chromium.launchPersistentContext(profile, { executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS, headless: true, ignoreHTTPSErrors: true, bypassCSP: false });
const complaints = [];
let page = context.pages()[0] ?? (await context.newPage());

function watch(p) {
	p.on("console", (m) => { if (m.type() === "error" && !/Failed to load resource|ERR_/.test(m.text())) complaints.push(`console: ${m.text()}`); });
	p.on("pageerror", (e) => complaints.push(`error: ${e.stack ?? e.message}`));
	p.on("request", (r) => { if (!/^(https:\/\/(?:[^/@]+@)?127\.0\.0\.\d+|data:|blob:|about:)/.test(r.url())) complaints.push(`foreign: ${r.url()}`); });
}
watch(page);
// What the page did to its own policy, as the browser itself reports it.
await context.addInitScript(() => addEventListener("securitypolicyviolation", (e) => console.error(`CSP ${e.violatedDirective} ${e.blockedURI} ${e.sample}`)));

const commands = {
	go: ({ url }) => page.goto(url, { waitUntil: "domcontentloaded" }).then(() => null),
	reload: () => page.reload().then(() => null),
	look: ({ width, height, dark, still }) => page.setViewportSize({ width, height }).then(() => page.emulateMedia({ colorScheme: dark ? "dark" : "light", reducedMotion: still === false ? "no-preference" : "reduce" })).then(() => null),
	text: ({ selector }) => page.locator(selector ?? "body").first().innerText({ timeout: 5000 }),
	count: ({ selector }) => page.locator(selector).count(),
	wait: async ({ selector, has, seconds }) => {
		const found = has ? page.locator(selector).filter({ hasText: new RegExp(has.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")) }) : page.locator(selector);
		await found.first().waitFor({ state: "attached", timeout: (seconds ?? 15) * 1000 });
		return null;
	},
	fill: ({ selector, value }) => page.fill(selector, value, { timeout: 20000 }).then(() => null),
	click: ({ selector }) => page.click(selector, { timeout: 20000 }).then(() => null),
	press: ({ key }) => page.keyboard.press(key).then(() => null),
	type: ({ text }) => page.keyboard.type(text).then(() => null),
	evaluate: ({ code }) => page.evaluate(code),
	shot: ({ path, full, clip }) => page.screenshot({ path, fullPage: full === true, clip, animations: "disabled" }).then(() => null),
	axe: async () => {
		await page.evaluate(AXE); // through the debugger: the page's policy stays as it is
		const found = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
		return found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => `${n.target} ${n.failureSummary}`).join("; ")}`);
	},
	complaints: () => complaints.splice(0),
	newTab: async () => { page = await context.newPage(); watch(page); return null; },
	closeTab: async () => { await page.close(); page = context.pages()[0]; return null; },
	tab: async ({ index }) => { page = context.pages()[index]; await page.bringToFront(); return null; },
};

for await (const line of createInterface({ input: process.stdin })) {
	const { do: name, ...args } = JSON.parse(line);
	if (name === "quit") break;
	let answer;
	try {
		answer = { ok: (await commands[name](args)) ?? null };
	} catch (e) {
		answer = { error: `${name} ${JSON.stringify(args)}: ${e.message}` };
	}
	process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await context.close();
rmSync(profile, { recursive: true, force: true });
