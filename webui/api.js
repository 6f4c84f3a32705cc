// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests to this hamon. The token lives in this tab only (sessionStorage); nothing else is kept.

const KEY = "hamon-token";
const WAIT_MS = 6000; // a forwarded question waits for the other machine for up to five

export const getToken = () => sessionStorage.getItem(KEY);
export const setToken = (token) => (token ? sessionStorage.setItem(KEY, token) : sessionStorage.removeItem(KEY));

export class Problem extends Error {
	constructor(status, body) {
		super(body.detail || body.title || `answered with ${status}`);
		this.status = status;
		this.code = body.code ?? "";
		this.next = body.next ?? "";
	}
}

function head(more) {
	const token = getToken();
	return { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...more };
}

async function refuse(response) {
	let body = {};
	try {
		body = await response.json();
	} catch { /* not JSON: the status says enough */ }
	throw new Problem(response.status, body);
}

export async function get(path) {
	const response = await fetch(path, { headers: head({ Accept: "application/json" }), cache: "no-store", signal: AbortSignal.timeout(WAIT_MS) });
	return response.ok ? response.json() : refuse(response);
}

// {body, etag}
export async function getWithTag(path) {
	const response = await fetch(path, { headers: head(), cache: "no-store", signal: AbortSignal.timeout(WAIT_MS) });
	if (!response.ok) await refuse(response);
	return { body: await response.json(), etag: response.headers.get("ETag") };
}

export async function getText(path) {
	const response = await fetch(path, { signal: AbortSignal.timeout(WAIT_MS) });
	return response.ok ? response.text() : refuse(response);
}

// A change: only for the revision that the person has seen, and only once. The path of its operation.
export async function send(method, path, etag, body) {
	const response = await fetch(path, {
		method, body: body ? JSON.stringify(body) : undefined, signal: AbortSignal.timeout(WAIT_MS * 2),
		headers: head({ "If-Match": etag, "Idempotency-Key": key(), ...(body ? { "Content-Type": "application/json" } : {}) }),
	});
	if (!response.ok) await refuse(response);
	return { location: response.headers.get("Location"), ...(response.status === 204 ? {} : await response.json()) };
}

function key() {
	return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
}

// Server-sent events over fetch(), which can carry the token; calls back with {event, id, data} until it ends or `signal` aborts.
export async function follow(path, since, signal, onFrame) {
	const response = await fetch(path, { headers: head(since ? { "Last-Event-ID": since } : {}), cache: "no-store", signal });
	if (!response.ok) await refuse(response);
	const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
	for (let rest = ""; ;) {
		const { value, done } = await reader.read();
		if (done) return;
		const frames = (rest + value).split("\n\n");
		rest = frames.pop();
		for (const text of frames) {
			const frame = {};
			for (const line of text.split("\n")) {
				const colon = line.indexOf(": ");
				if (colon > 0) frame[line.slice(0, colon)] = line.slice(colon + 2);
			}
			if (frame.event) onFrame({ ...frame, data: JSON.parse(frame.data) });
		}
	}
}
