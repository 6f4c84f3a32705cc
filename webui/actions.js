// SPDX-License-Identifier: LGPL-2.1-or-later
// What an operator may do here: the checks first, then the button; a typed word for what can lose data. Each change names the revision that was seen
// (If-Match) and is followed until it is done or has failed.

import { get, getWithTag, Problem, send } from "./api.js";
import { announce, bytes, h, icon, replaceChildren } from "./dom.js";
import { askAgain } from "./live.js";
import { bestView, foretold, isLost, isVerifying, orWitness, resyncOf, sentence, verdict, viewsOf, whatIf } from "./model.js";
import { grow, watchFence } from "./operations.js";
import { firstOf, problems } from "./problems.js";

// -- Which make sense now --

function statuses(state) {
	return viewsOf(state).filter((v) => (v.self || v.fresh) && v.status && v.kind === "node");
}

const encode = encodeURIComponent;

// What only two good legs allow: its checks say so, too, and its button looks so before. "": it may be done.
const NEED_BOTH = ["switchover", "verify", "test-fence"];

function notBoth({ status, mirror }) {
	const silent = status.nodes.find((n) => !n.witness && !n.alive);
	return silent ? `${silent.name} is silent` : mirror.legs.every((l) => l.in_sync) ? "" : "only one leg is in sync";
}

export function available(state, name) {
	const best = bestView(state, name);
	const found = [];
	const add = (id, label, more) => found.push({ id, label, mirror: name, ...more, notNow: NEED_BOTH.includes(more.preflight) ? notBoth(best) : "" });
	const other = best.mirror.legs.find((l) => l.node !== best.mirror.record.primary)?.node;
	if (best.mirror.role === "primary" && other)
		add("switchover", `Switch ${name} over to ${other}`, { node: best.node, path: `/mirrors/${encode(name)}/switchover`, tag: `/mirrors/${encode(name)}`,
			about: `Services stop on ${best.node} and start on ${other}. Nothing is lost and nothing is copied.`, preflight: "switchover", done: `${name} is active on ${other} now.` });
	if (best.mirror.role === "primary" && other && best.mirror.verify) verifies(name, best, add);
	if (best.mirror.role === "primary" && resyncOf(state, name)) resyncs(name, best, resyncOf(state, name), add);
	if (best.mirror.role === "primary" && best.mirror.legs.every((l) => l.in_sync))
		add("grow", `Grow mirror ${name}`, { node: best.node, other, tag: `/mirrors/${encode(name)}`, path: `/mirrors/${encode(name)}/grow`, run: grow, word: name, preflight: "grow", interrupted: `hamonctl mirror grow ${name}`, done: `Mirror ${name} has grown; what has grown cannot be made smaller again.`,
			about: `The disks of ${best.node} and ${other} have been made larger, and mirror ${name} takes the room while it serves.`, loses: `For some seconds only the leg of ${best.node} holds everything, while that of ${other} is attached anew. What has grown cannot be made smaller again.` });
	for (const view of statuses(state)) {
		const m = view.status.mirrors.find((x) => x.name === name);
		const at = { node: view.node, tag: `/mirrors/${encode(name)}` };
		if (m.reason.code === "not-created")
			add(`create-${view.node}`, `Create ${name} on ${view.node}`, { ...at, path: `/mirrors/${encode(name)}/create`, body: { overwrite: true }, word: name, loses: `What is on ${deviceOf(m, view.node)} of ${view.node} is overwritten.` });
		if (m.reason.code === "no-leg" || m.reason.code === "own-leg-failed" || (m.reason.code === "not-created" && best.mirror.record.version !== "0"))
			add(`join-${view.node}`, `Make a new leg of ${name} on ${view.node}`, { ...at, path: `/mirrors/${encode(name)}/join`, body: { overwrite: true }, word: name, loses: `What is on ${deviceOf(m, view.node)} of ${view.node} is overwritten: all of ${name} is copied to it.` });
		if (m.reason.code === "waiting-for-peer")
			add(`start-${view.node}`, `Start ${name} alone on ${view.node}`, { ...at, path: `/mirrors/${encode(name)}/start-alone`, body: { confirm: true }, word: name, loses: `Acknowledged writes that only the other node has are given up, and its leg is overwritten when it comes back. Better: start the other node.` });
		if (m.reason.code === "stale" && best.mirror.role !== "primary")
			add(`force-${view.node}`, `Make the old leg of ${view.node} the data of ${name}`, { ...at, path: `/mirrors/${encode(name)}/force-primary`, body: { confirm: true }, word: name, preflight: "force-primary", loses: `Everything that was written to ${name} since that leg fell behind is given up for good. Better: start the other node.` });
		if (m.role === "primary" && m.service && ["up", "failed", "given-up"].includes(m.states.service))
			add(`restart-${view.node}`, `Restart the service of ${name}`, { ...at, path: `/mirrors/${encode(name)}/service-restart`, about: `Its units stop and start on ${view.node}: a pause for its clients. Its failures are forgotten.` });
		if (m.reason.code === "manual-frozen") {
			const peer = view.status.nodes.find((n) => !n.self && !n.witness).name;
			add(`dead-${view.node}`, `Say that ${peer} is off`, { node: view.node, tag: "/node", path: "/node/confirm-dead", body: { node: peer, confirm: true }, word: peer, loses: `If ${peer} still runs, both nodes go on with their own data, and one side's writes are lost. Look at the machine, not at the network.` });
		}
	}
	for (const view of statuses(state))
		if (!view.self && best.mirror.record.version !== "0")
			add(`fence-${view.node}`, `Test the fence of ${view.node}`, { node: view.node, tag: "/node", path: "/node/test-fence", body: { confirm: true }, word: view.node, run: watchFence, preflight: "test-fence",
				about: `Shows that ${view.node} really ends when it must, and that the other node goes on. This page looks on and says when each step is done.`, loses: `${view.node} reboots at once, as by a power cut. What is active there pauses until the other node has taken it over; until it is back there is one leg.` });
	for (const view of statuses(state))
		add(`leave-${view.node}`, `Stop ${view.node} in good order`, { node: view.node, tag: "/node", path: "/node/leave", about: `hamon on ${view.node} stops its mirrors, to switch the machine off or repair it.`, preflight: "leave", danger: view.status.mirrors.some((m) => m.role === "primary") });
	return found;
}

function verifies(name, best, add) {
	const say = (id, label, action, more) => add(id, `${label} ${name}`, { node: best.node, path: `/mirrors/${encode(name)}/verify`, tag: `/mirrors/${encode(name)}`, body: { action }, ...more });
	const { verify } = best.mirror;
	if (!isVerifying(verify))
		return say("verify", "Compare both legs of", "start", { preflight: "verify", goesOn: "It has begun. This page shows how far it is and what it finds.",
			about: `Each node reads its own leg while ${name} serves, as slowly as its latency wants it. Nothing is changed, whatever is found.` });
	if (verify.run.state === "paused") say("verify-resume", "Go on comparing", "resume", { preflight: "none", about: "It goes on where it was paused." });
	else say("verify-pause", "Pause comparing", "pause", { preflight: "none", about: "It stays where it is until somebody lets it go on." });
	return say("verify-cancel", "End comparing", "cancel", { preflight: "none", about: "What was compared so far is given up; the last result stays." });
}

function resyncs(name, best, resync, add) {
	const at = { node: best.node, path: `/mirrors/${encode(name)}/resync`, tag: `/mirrors/${encode(name)}`, preflight: "none" };
	if (resync.paused) add("resync-resume", `Resume the resync of ${name}`, { ...at, body: { action: "resume" }, about: "It goes on where it was paused." });
	else add("resync-pause", `Pause the resync of ${name}`, { ...at, body: { action: "pause" }, about: `It stays where it is until somebody lets it go on. Until it is complete only the leg of ${best.node} holds everything.` });
}

// Of nbdd: they have no revision and no operation, they are done when they are answered.
export function exportAction(node, x, verb) {
	const clients = x.session_count ?? 0;
	return { id: `${verb}-${x.id}`, label: `${verb === "start" ? "Start" : "Stop"} export ${x.id} on ${node}`, node, direct: { method: "POST", path: `/exports/${encode(x.id)}/${verb}` },
		about: verb === "start" ? `Clients can use ${x.device} from then on.` : clients ? `${clients === 1 ? "A client uses" : `${clients} clients use`} ${x.device} now, and loses it: what it has not flushed may be lost.` : `No client uses ${x.device} now.`,
		word: verb === "stop" && clients ? x.id : undefined };
}

export function sessionAction(node, x) {
	return { id: `kick-${x.number}`, label: `End session ${x.number} on ${node}`, node, direct: { method: "DELETE", path: `/sessions/${encode(x.number)}` },
		about: `The connection from ${x.address} to ${x.export} is ended. Its requests that were begun finish, and the client may come back.` };
}

export const mayChange = (state) => !!state.access && state.access.role !== "viewer";

const deviceOf = (mirror, node) => mirror.legs.find((l) => l.node === node)?.device ?? "the disk";

// -- The dialog --

const place = (state, action) => (action.node === state.status.node.name ? "/v1" : `/v1/nodes/${encode(action.node)}`);

// [{fact, holds, hint}] and whether it may go on.
async function checksOf(state, action) {
	const at = place(state, action);
	if (action.preflight === "none") return { ready: true, checks: [] };
	if (["switchover", "verify", "force-primary", "grow", "test-fence"].includes(action.preflight)) {
		const ofAll = action.preflight === "test-fence"; // a node is one for all of its mirrors
		const found = (await get(`${at}/preflight/${action.preflight}${ofAll ? "" : `?mirror=${encode(action.mirror)}`}`)).preflight;
		const name = (p, fact) => (found.length > 1 ? `${p.mirror}: ${fact}` : fact);
		const will = ["switchover", "verify"].includes(action.preflight) ? [] : found.flatMap((p) => p.will.map((w) => ({ fact: name(p, `This will ${w}`), holds: true, will: true })));
		const checks = will.concat(found.flatMap((p) => p.checks.map((c) => ({ fact: name(p, c.fact), holds: c.holds, hint: c.else?.sentence }))));
		const both = state.status.nodes.map((n) => n.name).filter((n) => n === action.node || n === action.other);
		const room = action.preflight === "grow" ? await Promise.all(both.map((node) => roomOf(action, node))) : [];
		const small = room.filter((r) => r.device && !r.holds);
		for (const r of small) r.hint = `make ${small.map((x) => x.device).join(" and ")} larger, from outside (lvextend, the hypervisor, the storage box); then come back here`;
		return { ready: found.every((p) => p.ready) && room.every((r) => r.holds), checks: checks.concat(room) };
	}
	if (action.preflight === "leave") {
		const list = (await get(`${at}/simulate?fail=${encode(action.node)}`)).simulate;
		const say = (s) => sentence(foretold(orWitness(bestView(state, s.mirror), s.outcome).sentence, s.mirror));
		const bad = list.filter((s) => s.outcome.severity !== "ok");
		return { ready: true, checks: list.filter((s) => !bad.includes(s)).map((s) => ({ fact: say(s), holds: true })), word: bad.length ? action.node : undefined, loses: bad.length ? `When it has stopped: ${bad.map(say).join(" ")}` : undefined };
	}
	const facts = (await get(`${at}/explain?mirror=${encode(action.mirror)}`)).explain[0].facts;
	return { ready: true, checks: facts.map((c) => ({ fact: c.fact, holds: c.holds, hint: c.else?.sentence })) };
}

// A leg grows by whole MiB.
async function roomOf(action, node) {
	const d = await get(`/v1/nodes/${encode(node)}/mirrors/${encode(action.mirror)}/disk`);
	const now = Number(d.needs_bytes), room = Number(d.room_bytes);
	if (d.error) return { fact: `${d.device} of ${node} can be read`, holds: false, hint: d.error };
	const holds = room >= now + (1 << 20);
	return { fact: holds ? `${d.device} of ${node} has room: ${bytes(room)} for a leg${now ? ` that needs ${bytes(now)} now` : ""}` : `${d.device} of ${node} has no room to grow into: its leg is ${bytes(now)} long, ${bytes(Math.max(0, room - now))} behind it are free, and 1 MiB is the least`, holds,
		device: `${d.device} of ${node}` };
}

// {tone, head, answers}: what the page says behind the dialog, which covers it.
function sayNow(state, action) {
	if (!action.mirror || !state.status || isLost(state, performance.now())) return null;
	const v = verdict(state, action.mirror);
	const rows = whatIf(state, action.mirror).filter((w) => w.part !== "link" && w.label !== "the witness").map((w) => [`If ${w.label} fails now`, w.gone ?? sentence(foretold(w.outcome.sentence, action.mirror))]);
	return { ...v, answers: [["Is the data safe", v.safe.text], ...rows, ["What to do", firstOf(state, problems(state), action.mirror).text.replace(/^Nothing\.$/, "Nothing has to be done.")]] };
}

export async function open(state, action) {
	const dialog = document.createElement("dialog");
	dialog.setAttribute("aria-labelledby", "dialog-title");
	const shown = { checks: null, error: "", steps: [], word: action.word, loses: action.loses, typed: "", running: false, progress: "", result: null, interrupted: action.interrupted, tag: null, ready: false };
	const draw = () => {
		shown.now = sayNow(state, action);
		replaceChildren(dialog, [content(action, shown, run, () => dialog.close(), draw)]);
	};
	const ticks = setInterval(() => (dialog.isConnected ? draw() : clearInterval(ticks)), 1000);
	async function run(event) {
		event.preventDefault();
		if (!mayRun(shown)) return;
		shown.running = true;
		shown.progress = "Asked for";
		draw();
		try {
			const tell = (text, step) => { shown.progress = text; if (step) shown.steps.push(step); draw(); };
			const isOpen = () => dialog.open;
			if (action.run) shown.result = await action.run({ state, action, tag: shown.tag, place: (node) => place(state, { node }), settle: (node, accepted, told) => settle(state, { node }, accepted, told), tell, isOpen });
			else shown.result = await plain(state, action, shown, tell);
			if (shown.result.text === "Done." && action.done) shown.result.text = `Done. ${action.done}`;
		} catch (e) {
			shown.result = { ok: false, text: e instanceof Problem ? `${sentence(e.message)} ${e.next}` : `It is not known whether it was begun: ${e.message}. Look at the events.` };
		}
		shown.running = false;
		announce(`${action.label}: ${shown.result.text}`);
		draw();
	}
	dialog.addEventListener("close", () => dialog.remove());
	document.body.append(dialog);
	draw();
	dialog.showModal();
	try {
		if (action.direct) {
			Object.assign(shown, { tag: "*", checks: [], ready: true });
			draw();
			return;
		}
		shown.tag = (await getWithTag(place(state, action) + action.tag)).etag;
		const found = await checksOf(state, action);
		Object.assign(shown, { checks: found.checks, ready: found.ready, word: action.word ?? found.word, loses: action.loses ?? found.loses });
	} catch (e) {
		shown.error = e.message;
	}
	draw();
}

async function plain(state, action, shown, tell) {
	const accepted = await send(action.direct?.method ?? "POST", place(state, action) + (action.direct?.path ?? action.path), shown.tag, action.body);
	if (!action.direct) return settle(state, action, accepted, tell);
	askAgain();
	return { ok: true, text: accepted.status ? `It is ${accepted.status} now.` : "Done." };
}

const mayRun = (s) => !s.running && !s.result && s.ready && s.tag && (!s.word || s.typed === s.word);

const isBlocked = (s) => !!s.checks && !s.ready && !s.result;

// Of one that cannot be done now: what is in the way alone, and what mends it.
function checkList(s) {
	const shown = isBlocked(s) ? s.checks.filter((c) => !c.holds) : s.checks;
	const rest = s.checks.length - shown.length;
	const hint = (c) => (!c.holds && c.hint && c.hint !== c.fact ? c.hint : "");
	const todo = isBlocked(s) ? [...new Set(shown.map(hint).filter(Boolean))] : [];
	const line = (c) => h("li", { class: c.holds ? "holds" : "fails" }, icon(c.will ? "info" : c.holds ? "ok" : "warning"), h("span", {}, c.fact, hint(c) && !todo.length ? h("span", { class: "quiet" }, ` – ${hint(c)}`) : null));
	const fine = shown.filter((c) => c.holds && !c.will);
	return [h("ul", { class: "checks" }, shown.filter((c) => !fine.includes(c)).map(line), fine.length ? h("li", { class: "holds" }, icon("ok"), h("details", {}, h("summary", {}, fine.length > 1 ? `All ${fine.length} checks hold` : fine[0].fact), sentence(fine.map((c) => c.fact.replace(/\.$/, "")).join("; ")))) : null),
		todo.map((text) => h("p", {}, h("strong", {}, sentence(`Before it can be done: ${text}`)))),
		isBlocked(s) && s.interrupted ? h("p", { class: "quiet" }, "Did an earlier one stop half-way? This finishes it: ", h("code", {}, s.interrupted)) : null,
		rest ? h("p", { class: "quiet" }, `The other ${rest === 1 ? "check holds" : "checks hold"}.`) : null];
}

function content(action, s, run, close, draw) {
	return h("form", { onsubmit: run },
		h("div", { class: "top" }, h("h2", { id: "dialog-title" }, action.label, s.result && !action.goesOn ? (s.result.ok ? ": done" : ": not done") : ""),
			s.now ? h("div", { class: "now", key: "now" }, h("p", { class: "said" }, icon(s.now.tone), h("span", {}, "Now: ", h("strong", {}, `${s.now.head}.`))),
				h("dl", {}, s.now.answers.map(([question, text]) => h("div", { key: question }, h("dt", {}, question), h("dd", {}, text))))) : null),
		h("div", { class: "middle", key: "middle", tabindex: "0", role: "group", "aria-label": "Checks" },
			s.result || isBlocked(s) ? null : [action.about ? h("p", {}, action.about) : null, s.loses ? h("p", { class: "loses" }, icon("critical"), h("span", {}, s.loses)) : null],
			s.error ? h("p", { class: "error", role: "alert" }, `The checks could not be made: ${s.error}`) : null,
			isBlocked(s) ? h("p", { class: "error", role: "alert" }, h("strong", {}, "Not now: a check fails. Nothing has been changed.")) : null,
			s.result || s.error ? null : s.checks ? checkList(s) : h("p", { class: "quiet" }, "Checking…"),
			s.steps.length ? h("ol", { class: "reached" }, s.steps.map((step) => h("li", {}, h("span", { class: "number" }, step.at), " ", step.text))) : null,
			s.running ? h("p", { class: "progress", role: "status" }, s.progress, "…") : null,
			s.result ? h("p", { class: s.result.ok ? "done" : "error", role: "alert" }, icon(s.result.ok ? "ok" : "warning"), h("span", {}, s.result.text)) : null),
		h("div", { class: "bottom", key: "bottom" },
			s.word && !s.result && !isBlocked(s) ? h("div", { key: "typed" }, h("label", { for: "typed" }, "Type ", h("code", {}, s.word), " to go on"),
				h("input", { id: "typed", name: "typed", autocomplete: "off", autocapitalize: "off", spellcheck: "false", "data-own": "1", oninput: (e) => { s.typed = e.target.value.trim(); draw(); } })) : null,
			h("div", { class: "buttons" },
				h("button", { type: "button", onclick: close, key: "close", autofocus: true }, s.result ? "Close" : "Cancel"),
				s.result ? null : h("button", { type: "submit", key: "go", class: s.loses || s.word ? "danger" : "primary", disabled: !mayRun(s) }, action.label))));
}

// Follows an operation until it is over. {ok, text}
async function settle(state, action, accepted, onProgress) {
	const at = accepted.location.startsWith("/v1/nodes/") || accepted.node === state.status.node.name ? accepted.location : `/v1/nodes/${encode(accepted.node)}${accepted.location.slice(3)}`;
	for (let failures = 0; failures < 20;) {
		await new Promise((resolve) => setTimeout(resolve, 500));
		try {
			const o = await get(at);
			if (o.state === "done") return { ok: true, text: "Done." };
			if (o.state === "failed") return { ok: false, code: o.reason?.code, text: [o.reason?.sentence, o.error, o.detail].filter(Boolean).join(": ") || "It failed." };
			if (action.goesOn) return { ok: true, text: action.goesOn };
			onProgress(o.progress?.step ?? o.progress?.role ?? "Under way");
			failures = 0;
		} catch {
			failures++;
		}
	}
	return { ok: false, text: "That node does not answer any more: look at the events." };
}

export function actions(state, name) {
	const access = state.access;
	if (access && access.role === "viewer")
		return h("p", { class: "quiet" }, access.changes ? ["Signed in to read. An operator's token allows changes: ", h("code", {}, "hamonctl token create NAME --role operator")]
			: ["This node takes no changes over TCP (", h("code", {}, "changes = yes"), " in [api] allows them). Type them there, or use ", h("code", {}, "hamonctl"), "."]);
	return h("ul", { class: "actions" }, available(state, name).map((a) => h("li", { key: a.id }, h("button", { type: "button", class: a.notNow ? "notnow" : a.loses || a.danger ? "danger" : undefined, "data-action": a.id, onclick: () => void open(state, a) }, `${a.label}…`, a.notNow ? h("span", { class: "small" }, ` not now: ${a.notNow}`) : null))));
}
