// SPDX-License-Identifier: LGPL-2.1-or-later
// What is known, and how it is kept up to date: one stream of statuses and events for all tabs of a browser, and regular questions for what the
// stream does not carry. All of it ends while the page is hidden. Owns `state`; decides nothing.

import { follow, get, getToken, Problem } from "./api.js";

const POLL_MS = 2000; // as often as hamon asks the other machines
const SELDOM = 5; // every fifth time: exports, services, configuration
const SAMPLES = 90; // three minutes of heartbeats
const EVENTS = 1000; // as many as hamon keeps

export const state = {
	access: null, status: null, statusAt: 0, cluster: null, clusterAt: 0, links: null, services: null, exports: null, sessions: null, config: null,
	whatIf: {}, events: [], log: "", lost: false, peerEvents: {}, samples: new Map(), disagreeSince: new Map(),
	answeredAt: 0, lostSince: 0, error: "", needsLogin: false,
};

let changed = () => {};
const now = () => performance.now();

function answered() {
	state.answeredAt = now();
	state.lostSince = 0;
	state.error = "";
}

function failed(e) {
	if (e instanceof Problem && (e.status === 401 || e.status === 403)) {
		state.needsLogin = true;
		state.error = e.code === "bad-token" ? "This node does not know that token: it may be another node's, or revoked." : "";
	} else if (!(e instanceof Problem)) {
		state.lostSince ||= now();
		state.error = "It does not answer.";
	}
	changed();
}

// -- What arrives --

function takeStatus(status) {
	const before = state.status;
	state.status = status;
	state.statusAt = now() - status.age_ms;
	const word = (s) => JSON.stringify([s?.mirrors.map((m) => [m.health, m.reason.code, m.role, m.record.version]), s?.nodes.map((n) => n.alive)]);
	if (word(before) !== word(status)) void askWhatIf();
}

const before = (events, event) => events.filter((e) => Number(e.id) < Number(event.id));

function takeEvent(id, event) {
	const [log] = id.split(":");
	if (log !== state.log) { // hamon was restarted: what it had not made durable is gone, and its numbers are used anew
		state.log = log;
		state.events = before(state.events, event);
	}
	if (state.events.length && Number(event.id) <= Number(state.events.at(-1).id)) return;
	state.events.push(event);
	if (state.events.length > EVENTS) state.events.shift();
}

// A record that somebody has not seen yet is none for as long as one takes to be told of it; what lasts is.
const MOMENT_MS = 4000;

function takeCluster(cluster) {
	const seen = new Map();
	for (const d of cluster.disagreements) seen.set(`${d.about} ${d.mirror}`, state.disagreeSince.get(`${d.about} ${d.mirror}`) ?? now());
	state.disagreeSince = seen;
	state.cluster = { ...cluster, disagreements: cluster.disagreements.filter((d) => d.about !== "record" || now() - seen.get(`${d.about} ${d.mirror}`) > MOMENT_MS) };
	state.clusterAt = now();
	const self = cluster.views.find((v) => v.self);
	if (self?.status && now() - self.age_ms >= state.statusAt) takeStatus(self.status);
}

function takeLinks(links) {
	state.links = links;
	for (const link of links.links) {
		const key = `${link.peer} ${link.local}`;
		const list = state.samples.get(key) ?? [];
		list.push({ at: now(), rtt_us: link.heard_ms_ago !== null && link.heard_ms_ago < 3000 ? link.rtt_us : null, loss: link.loss,
			silent: link.heard_ms_ago === null || link.heard_ms_ago >= 3000 });
		if (list.length > SAMPLES) list.shift();
		state.samples.set(key, list);
	}
}

// -- What is asked --

async function take(path, keep) {
	try {
		keep(await get(path));
		answered();
	} catch (e) {
		if (e instanceof Problem && e.status !== 401) answered(); // an answer, too: this machine has no such thing
		else throw e;
	}
}

async function askWhatIf() {
	if (state.status?.node.kind !== "node") return;
	const parts = state.status.nodes.map((n) => n.name);
	try {
		await Promise.all([...parts, "link"].map((part) => take(`/v1/simulate?fail=${encodeURIComponent(part)}`, (a) => (state.whatIf[part] = a.simulate))));
		changed();
	} catch (e) {
		failed(e);
	}
}

function sinceOf(node) {
	const known = state.peerEvents[node];
	return known?.events.length ? `?since=${known.log}:${known.events.at(-1).id}` : "";
}

function takePeerEvents(node, answer) {
	const known = state.peerEvents[node];
	if (known && !answer.lost) {
		if (answer.events.length) known.events = [...before(known.events, answer.events[0]), ...answer.events].slice(-EVENTS);
		known.log = answer.log;
	} else state.peerEvents[node] = answer;
}

async function askSeldom() {
	await take("/v1/services", (a) => (state.services = a));
	await take("/v1/config", (a) => (state.config = a));
	for (const [name, of] of [["exports", "exports"], ["sessions", "sessions"]])
		await take(`/v1/${name}`, (a) => (state[of] = { ...a, at: now() })).catch((e) => (state[of] = { nodes: [], error: e.message, at: now() }));
	for (const view of state.cluster?.views ?? [])
		if (!view.self && view.fresh && view.kind === "node")
			await take(`/v1/nodes/${encodeURIComponent(view.node)}/events${sinceOf(view.node)}`, (a) => takePeerEvents(view.node, a)).catch(() => {});
	await askWhatIf();
}

// After a change of what is asked for seldom.
export const askAgain = () => void askSeldom().then(changed, failed);

async function firstQuestions() {
	await take("/v1/access", (a) => (state.access = a));
	state.needsLogin = false;
	await take("/v1/events", (a) => {
		state.events = a.events;
		state.log = a.log;
		state.lost = a.lost;
	});
}

async function poll(signal) {
	for (let turn = 0; !signal.aborted; turn++) {
		try {
			if (!state.access || state.needsLogin) await firstQuestions();
			await take("/v1/cluster", takeCluster);
			await take("/v1/links", takeLinks);
			changed();
			if (turn % SELDOM === 0) void askSeldom().then(changed, failed);
		} catch (e) {
			failed(e);
			if (state.needsLogin) return;
		}
		await pause(POLL_MS, signal);
	}
}

function pause(ms, signal) {
	return new Promise((resolve) => {
		const timer = setTimeout(resolve, ms);
		signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
	});
}

// -- One stream of a browser --

const channel = "BroadcastChannel" in window ? new BroadcastChannel("hamon") : null;
let askedOnChange = 0;

function takeFrame(frame) {
	if (frame.event === "status") takeStatus(frame.data);
	else if (frame.event === "event") takeEvent(frame.id, frame.data);
	else return;
	answered();
	changed();
	if (frame.event === "event" && now() - askedOnChange > 500) { // the others' views have just become another
		askedOnChange = now();
		void take("/v1/cluster", takeCluster).then(changed, failed);
	}
}

if (channel) channel.onmessage = ({ data }) => { if (running && state.access) takeFrame(data); };

async function stream(signal) {
	for (let wait = 500; !signal.aborted; wait = Math.min(wait * 2, 8000)) {
		const last = state.events.at(-1)?.id;
		try {
			await follow("/v1/events/stream", state.log ? `${state.log}:${last ?? 0}` : "", signal, (frame) => {
				wait = 500;
				takeFrame(frame);
				channel?.postMessage(frame);
			});
		} catch (e) {
			if (signal.aborted || state.needsLogin) return;
			if (!(e instanceof Problem)) failed(e);
		}
		await pause(wait, signal);
	}
}

// The first visible tab streams; the others listen to it, and one of them follows when it goes.
async function streamOnce(signal) {
	while (!state.access && !signal.aborted) await pause(100, signal);
	if (!navigator.locks) return stream(signal);
	try {
		await navigator.locks.request("hamon-stream", { signal }, () => stream(signal));
	} catch { /* aborted while it waited */ }
}

// -- Begin and end --

let running = null;

export function start(onChange) {
	changed = onChange ?? changed;
	stop();
	if (document.hidden) return;
	running = new AbortController();
	void poll(running.signal);
	void streamOnce(running.signal);
}

export function stop() {
	running?.abort();
	running = null;
}

document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));

export const hasToken = () => !!getToken();
