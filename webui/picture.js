// SPDX-License-Identifier: LGPL-2.1-or-later
// The cluster as a picture: two nodes with their legs, the witness, each link, and the arrow by which writes reach the other leg. Beside it
// stands the same as a table (parts.js). Two layouts, so that letters keep their size on a phone.

import { svg } from "./dom.js";
import { bestView, differs, hasFailed, isOpen, isUnsure, isWaiting, legWord, resyncOf, viewsOf } from "./model.js";

const WIDE = { size: [680, 268], box: [200, 132], nodes: [[8, 104], [472, 104]], witness: [270, 8, 140, 46], across: true };
const TALL = { size: [340, 430], box: [200, 122], nodes: [[8, 8], [8, 300]], witness: [228, 186, 104, 46], across: false };

const text = (x, y, words, css = "", anchor = "start") => svg("text", { x, y, class: css, "text-anchor": anchor }, words);

function disk(x, y, leg, view) {
	const unused = view.mirror.record.version === "0";
	const good = leg.in_sync && !hasFailed(leg, view) && !isUnsure(leg, view) && !differs(view.mirror);
	const open = isOpen(view);
	const css = `disk ${unused ? "unused" : good ? "good" : leg.inconsistent && !open ? "copying" : "out"}`;
	return svg("g", { class: css },
		svg("path", { d: `M${x} ${y + 4}c0-5.5 26-5.5 26 0v18c0 5.5-26 5.5-26 0z` }), svg("path", { class: "lid", d: `M${x} ${y + 4}c0 5.5 26 5.5 26 0` }),
		unused ? null : open ? text(x + 13, y + 21, "?", "strong", "middle") : good ? svg("path", { class: "mark", d: `M${x + 7} ${y + 16}l4 4 8-8` })
			: differs(view.mirror) ? svg("path", { class: "mark", d: `M${x + 7} ${y + 13}h12m-12 5h12m-3-9-6 13` })
			: leg.inconsistent ? svg("path", { class: "mark", d: `M${x + 13} ${y + 11}v9m-4-4 4 4 4-4` }) : svg("path", { class: "mark", d: `M${x + 8} ${y + 12}l10 10m0-10-10 10` }),
		text(x + 36, y + 11, leg.device, "small strong"),
		text(x + 36, y + 26, legWord(leg, view), "small"));
}

export const roleWord = (node, mirror, role) => (!node.alive ? "silent" : node.witness ? "votes"
	: node.name === mirror.record.primary && role === "primary" ? (mirror.health === "frozen" ? "active, frozen" : "active") : role === "primary" ? "says it is active" : role === "candidate" || role === "taking-over" ? "taking over"
		: role === "standby" ? "standby" : role === "deposed" ? "deposed" : "unknown");

export function roleOf(state, name, node) {
	const own = viewsOf(state).find((v) => v.node === node.name && (v.self || v.fresh));
	const said = own?.status?.mirrors.find((m) => m.name === name)?.role;
	return said ?? bestView(state, name).mirror.legs.find((l) => l.node === node.name)?.node_says?.role ?? "unknown";
}

function nodeBox(at, size, node, view, role) {
	const [x, y] = at;
	const { mirror } = view;
	const leg = mirror.legs.find((l) => l.node === node.name);
	const active = node.alive && role === "primary";
	return svg("g", { class: `node ${node.alive ? "alive" : "silent"} ${active ? "active" : ""}` },
		svg("rect", { x, y, width: size[0], height: size[1], rx: 10 }),
		text(x + 16, y + 27, node.name, "name"), text(x + size[0] - 16, y + 27, roleWord(node, mirror, role), active ? `badge ${mirror.health}` : "small", "end"),
		svg("path", { class: "rule", d: `M${x + 16} ${y + 40}h${size[0] - 32}` }),
		leg ? disk(x + 16, y + 56, leg, view) : null,
		text(x + 16, y + size[1] - 14, active && mirror.health === "frozen" ? "its writes wait" : active && mirror.states.service && mirror.states.service !== "none" ? `service ${mirror.states.service}` : "", "small"));
}

const linkCss = (good) => (good ? "link" : "link broken");

function cross(x, y) {
	return svg("path", { class: "cross", d: `M${x - 5} ${y - 5}l10 10m0-10-10 10` });
}

// `good` null: from where this is seen nobody can know.
function line(x1, y1, x2, y2, good) {
	const [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2];
	return [svg("path", { class: good === null ? "link broken unknown" : linkCss(good), d: `M${x1} ${y1}L${x2} ${y2}` }), good ? null : good === null ? text(x, y - 5, "?", "small", "middle") : cross(x, y)];
}

// Whether the witness and `node` hear each other: this view knows its own link, and of another's only what the witness says.
function witnessHears(node, status, witness, told) {
	if (node.name === status.node.name) return witness.alive && witness.links.some((l) => !l.error);
	if (node.alive && witness.alive) return true;
	return witness.alive && told ? told.nodes.some((n) => n.name === node.name && n.alive) : null;
}

// Heartbeat paths: those of this view to the peer, one line each; to the witness, one.
function links(layout, status, a, b, witness, told) {
	const drawn = [];
	const [[ax, ay], [bx, by]] = layout.nodes;
	const [w, height] = layout.box;
	const other = status.nodes.find((n) => !n.self && !n.witness);
	const paths = (other?.links ?? []).slice(0, 3);
	const good = (l) => other.alive && l.heard_ms_ago !== null && l.heard_ms_ago < 3000 && !l.error;
	paths.forEach((l, i) => drawn.push(layout.across ? line(ax + w, ay + 20 + i * 15, bx, by + 20 + i * 15, good(l)) : line(ax + 152 + i * 15, ay + height, ax + 152 + i * 15, by, good(l))));
	if (paths.length) drawn.push(layout.across ? text((ax + w + bx) / 2, ay + 14 + paths.length * 15 + 8, paths.length > 1 ? `${paths.filter(good).length} of ${paths.length} links` : "link", "tiny", "middle") : null);
	if (witness) {
		const [wx, wy, ww, wh] = layout.witness;
		for (const [node, x, y, tx, ty] of layout.across ? [[a, ax + 100, ay, wx, wy + wh / 2], [b, bx + 100, by, wx + ww, wy + wh / 2]]
			: [[a, ax + w, ay + 90, wx + ww / 2, wy], [b, bx + w, by + 30, wx + ww / 2, wy + wh]])
			drawn.push(line(x, y, tx, ty, witnessHears(node, status, witness, told)));
	}
	return drawn;
}

// From the active node's leg to the other: solid when each write reaches both, moving while it is copied, cut when it is out. None where nobody knows which leg is ahead.
function arrow(layout, view, resync) {
	const { mirror } = view;
	if (isOpen(view)) return null;
	const from = mirror.legs.findIndex((l) => l.node === mirror.record.primary);
	if (from < 0 || mirror.legs.length < 2) return null;
	const to = mirror.legs[1 - from];
	const stands = resync?.stalled || resync?.paused;
	const css = isWaiting(mirror) || mirror.role !== "primary" ? "sync out" : to.in_sync && mirror.legs[from].in_sync ? (differs(mirror) ? "sync differs" : "sync good") : resync || to.inconsistent ? `sync copying${stands ? " stands" : ""}` : "sync out";
	const [[ax, ay], [bx, by]] = layout.nodes;
	const [w, height] = layout.box;
	const [x1, y1, x2, y2] = layout.across ? [ax + w, ay + 72, bx, by + 72] : [ax + 29, ay + height, bx + 29, by];
	const [sx, sy, ex, ey] = from === 0 ? [x1, y1, x2, y2] : [x2, y2, x1, y1];
	const ux = Math.sign(ex - sx), uy = Math.sign(ey - sy);
	const tip = `M${ex - ux * 4} ${ey - uy * 4}l${-ux * 11 + uy * 6} ${-uy * 11 + ux * 6}M${ex - ux * 4} ${ey - uy * 4}l${-ux * 11 - uy * 6} ${-uy * 11 - ux * 6}`;
	const word = css === "sync good" ? "every write" : css === "sync differs" ? "\u2260 they differ" : css.startsWith("sync copying") ? (resync ? `${resync.stalled ? "stalled at" : resync.paused ? "paused at" : "copying"} ${resync.percent.toFixed(0)} %` : "to be copied") : isWaiting(mirror) ? "waiting" : "no writes";
	const mid = [(sx + ex) / 2, (sy + ey) / 2];
	return svg("g", { class: css }, svg("path", { class: "shaft", d: `M${sx + ux * 4} ${sy + uy * 4}L${ex - ux * 6} ${ey - uy * 6}` }), svg("path", { class: "tip", d: tip }),
		css === "sync out" ? cross(...mid) : null, layout.across ? text(mid[0], mid[1] + 22, word, "small", "middle") : text(mid[0] + 14, mid[1] + 4, word, "small"));
}

export function picture(state, name, isNarrow) {
	const layout = isNarrow ? TALL : WIDE;
	const view = bestView(state, name);
	const { status, mirror } = view;
	const nodes = status.nodes.filter((n) => !n.witness);
	const witness = status.nodes.find((n) => n.witness);
	const [wx, wy, ww, wh] = layout.witness;
	const [a, b] = nodes;
	if (!b) return null;
	return svg("svg", { class: "picture", viewBox: `0 0 ${layout.size[0]} ${layout.size[1]}`, role: "img", "aria-label": "The cluster; the table that follows says the same" },
		links(layout, status, a, b, witness, witness && viewsOf(state).find((v) => v.node === witness.name && (v.self || v.fresh))?.status), arrow(layout, view, resyncOf(state, name)),
		nodeBox(layout.nodes[0], layout.box, a, view, roleOf(state, name, a)), nodeBox(layout.nodes[1], layout.box, b, view, roleOf(state, name, b)),
		witness ? svg("g", { class: `node witness ${witness.alive ? "alive" : "silent"}` }, svg("rect", { x: wx, y: wy, width: ww, height: wh, rx: 10 }),
			text(wx + ww / 2, wy + 20, witness.name, "name", "middle"), text(wx + ww / 2, wy + 37, witness.alive ? "votes" : "silent", "small", "middle")) : null);
}
