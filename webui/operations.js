// SPDX-License-Identifier: LGPL-2.1-or-later
// Changes of more than one step, as hamonctl makes them: a mirror that grows, and the test of a fence, which is watched from here. Both are begun by the
// dialog of actions.js, which passes {state, action, tag, place, settle, tell, isOpen}, and return {ok, text}.

import { getWithTag, send } from "./api.js";

const POLL_MS = 200;
const PATIENCE_MS = 600000; // a machine's firmware takes minutes

const encode = encodeURIComponent;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const since = (start) => `${((performance.now() - start) / 1000).toFixed(1)} s`;

// The standby's leg first, which the active node then attaches anew; then leg, array and file system there, as soon as both legs are in sync again.
export async function grow({ action, tag, place, settle, tell }) {
	const start = performance.now();
	const step = async (node, tag) => settle(node, await send("POST", place(node) + action.path, tag ?? (await getWithTag(place(node) + action.tag)).etag), (text) => tell(text));
	tell(`${action.other}: its leg grows`);
	const first = await step(action.other, tag);
	if (!first.ok) return first;
	tell(`${action.node} attaches the longer leg of ${action.other}`, { at: since(start), text: `The leg of ${action.other} is as long as its disk.` });
	for (;;) {
		const second = await step(action.node).catch((e) => ({ ok: false, code: e.code, text: e.message }));
		if (second.ok) tell("", { at: since(start), text: `The leg of ${action.node}, the array and the file system have grown.` });
		if (second.ok || !["busy", "wrong-state", "stale"].includes(second.code) || performance.now() - start > PATIENCE_MS) return second;
		await pause(1000); // it has to have the longer leg in sync again
	}
}

// -- Fence test --

// What has to come true, in this order, as this page's own machine sees it.
function milestones(node, self, had) {
	return [
		{ id: "silent", text: `${node} is silent` },
		...(had ? [{ id: "taken", text: `${self} has taken over` }, { id: "served", text: `${self} serves` }] : []),
		{ id: "back", text: `${node} is back, with a new boot` },
		{ id: "redundant", text: "Both legs have everything again" },
	];
}

function whatIsSo(status, node, boot) {
	const there = status.nodes.find((n) => n.name === node);
	const made = status.mirrors.filter((m) => m.record.version !== "0");
	const other = there.boot !== boot;
	const taken = made.every((m) => m.record.primary && m.record.primary !== node && m.health !== "down" && m.health !== "starting");
	return {
		silent: !there.alive || other, taken, back: there.alive && other,
		served: taken && made.every((m) => status.node.kind === "witness" || ["up", "none", null].includes(m.states.service)),
		redundant: made.every((m) => m.legs.every((l) => l.in_sync)),
	};
}

export async function watchFence({ state, action, tag, place, settle, tell, isOpen }) {
	const { node } = action;
	const survivor = state.status.nodes.find((n) => !n.witness && n.name !== node).name;
	const boot = state.status.nodes.find((n) => n.name === node).boot;
	const left = milestones(node, survivor, state.status.mirrors.some((m) => m.record.primary === node));
	const accepted = await send("POST", place(node) + action.path, tag, action.body);
	const start = performance.now();
	let refused = null;
	void settle(node, accepted, () => {}).then((r) => { if (!r.ok && r.code) refused = r; }, () => {}); // it answers only when it refuses
	tell("Waiting for it to end", { at: since(start), text: `${node} was told to reboot.` });
	while (left.length && performance.now() - start < PATIENCE_MS && isOpen()) {
		await pause(POLL_MS);
		if (refused) return refused;
		const so = whatIsSo(state.status, node, boot);
		while (left.length && so[left[0].id]) {
			tell(left.length > 1 ? `Waiting: ${left[1].text}` : "", { at: since(start), text: `${left[0].text}.` });
			left.shift();
		}
	}
	if (!left.length) return { ok: true, text: "The fence works: everything that must follow has come true." };
	return { ok: false, text: left[0].id === "silent" ? `${node} still runs: the fence does NOT work.` : `It did not come so far within ten minutes: "${left[0].text}". Look at the events.` };
}
