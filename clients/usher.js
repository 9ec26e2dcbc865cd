/**
 * Usher in web pages: recommendations, and events that are not lost. The types are in usher.d.ts, the guide in
 * docs/browser.md.
 *
 * An event stays in localStorage until the API has taken it, and keeps its eventId. So a page may end at any time, and
 * what is sent twice counts once. The last request of a page is a fetch with keepalive: sendBeacon can't send headers,
 * and a key or token in a URL would end up in logs.
 */
const BATCH = 25, MAX_EVENTS = 500, MAX_LISTS = 8, MAX_IMPRESSION = 25;
const PAUSE = 1000, MAX_PAUSE = 60000;

const newId = () => crypto.getRandomValues(new Uint32Array(4)).join("-"); // randomUUID is for https alone

export function usher({ group, guest, user, wait = 2000, onError = console.warn }) {
  const name = `usher.${group}`;
  let memory = {}, blocked = false, timer, sending, failures = 0, size = BATCH;

  function state() {
    if (blocked) return memory;
    try {
      memory = JSON.parse(localStorage.getItem(name)) ?? {};
    } catch {
      blocked = true;
    }
    return memory;
  }

  function change(changes) {
    memory = { ...state(), ...changes };
    try {
      if (!blocked) localStorage.setItem(name, JSON.stringify(memory));
    } catch {
      blocked = true;
    }
    return memory;
  }

  /** Another tab may have begun the session. */
  const session = () => state().session ?? change({ session: newId() }).session;
  const queue = () => state().queue ?? [];

  async function call(who, path, request) {
    const door = (who && user) || guest || user;
    const token = typeof door.token === "function" ? await door.token() : door.token;
    const headers = token ? { authorization: `Bearer ${token}` } : { "x-api-key": door.key };
    headers["x-time-zone"] = Intl.DateTimeFormat().resolvedOptions().timeZone;
    return fetch(`${door.url}/${encodeURIComponent(group)}/${path}`, { ...request, headers });
  }

  /** The oldest events of one session and user. */
  function next() {
    const [first, ...rest] = queue();
    if (!first) return [];
    const end = rest.findIndex((one) => one.user !== first.user || one.session !== first.session);
    return [first, ...(end < 0 ? rest : rest.slice(0, end))].slice(0, size);
  }

  function post(batch, keepalive) {
    const [{ user, session }] = batch;
    const body = JSON.stringify({ userId: user, sessionId: session, events: batch.map((one) => one.event) });
    return call(user, "events", { method: "POST", body, keepalive });
  }

  function forget(batch) {
    const sent = new Set(batch.map((one) => one.event.eventId));
    change({ queue: queue().filter((one) => !sent.has(one.event.eventId)) });
  }

  function enqueue(events) {
    const who = { user: state().user, session: session() };
    change({ queue: [...queue(), ...events.map((event) => ({ ...who, event }))].slice(-MAX_EVENTS) });
  }

  async function drain() {
    for (let batch; (batch = next()).length; ) {
      const answer = await post(batch).catch(() => {});
      const { status, ok } = answer ?? {};
      if (!status || status === 401 || status === 429 || status >= 500) {
        const asked = answer?.headers.get("retry-after") * 1000 || 0;
        const pause = Math.min(MAX_PAUSE, PAUSE * 2 ** failures++) * (0.5 + Math.random() / 2);
        clearTimeout(timer);
        timer = setTimeout(flush, Math.max(asked, pause));
        return;
      }
      failures = 0;
      if (status === 400 && batch.length > 1) {
        size = 1; // one of them is wrong: the others are not refused for it
        continue;
      }
      size = BATCH;
      forget(batch);
      if (!ok) onError(await answer.json().catch(() => ({ status })), batch[0].event);
    }
  }

  function flush() {
    timer = clearTimeout(timer);
    return (sending ??= drain().finally(() => (sending = undefined)));
  }

  /** The page may end now: nobody waits for the answer, and what has not arrived is sent by the next page. */
  function leave() {
    const batch = next();
    if (batch.length) post(batch, true).then((answer) => answer.ok && forget(batch)).catch(() => {});
  }

  async function read(path, options, about) {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries({ ...about, ...options }))
      if (value !== undefined) query.set(key, typeof value === "object" ? JSON.stringify(value) : value);
    const answer = await call(state().user, `${path}?${query}`);
    const content = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(content.message), { status: answer.status, code: content.code });
    const { recommendationId: id, itemList } = content;
    if (id) {
      const { lists = [] } = state();
      change({ lists: [{ id, items: itemList.map((one) => one.itemId) }, ...lists].slice(0, MAX_LISTS) });
    }
    return content;
  }

  function track(eventType, itemId, more) {
    const { user, past = [], lists = [] } = state();
    const list = itemId && lists.find((one) => one.items.includes(itemId));
    const shown = list && { recommendationId: list.id, impression: list.items.slice(0, MAX_IMPRESSION) };
    const event = { eventId: newId(), eventType, itemId, sentAt: Date.now() / 1000, ...shown, ...more };
    if (!user) change({ past: [...past, event].slice(-BATCH) });
    enqueue([event]);
    if (queue().length >= BATCH && !failures) flush();
    else timer ??= setTimeout(flush, wait);
  }

  const logout = () => change({ user: undefined, session: newId(), lists: [], past: [] });
  const who = () => ({ userId: state().user ?? session() });
  document.addEventListener("visibilitychange", () => document.hidden && leave());
  if (queue().length) flush();

  return {
    /** Items for the user, or for the guest. */
    recommend: (options) => read("recommendations", options, who()),
    similar: (itemId, options) => read("similar-items", options, { itemId }),
    popular: (options) => read("popular", options),
    track,
    flush,
    /** From now on, the guest is this user, and what the session has taught is the user's. */
    login(userId) {
      const { user, past = [] } = state();
      if (user !== userId) {
        if (user) logout(); // another user's session teaches nothing about this one
        change({ user: userId, past: [] });
        // Personalize joins a session with its user at the next training. What the guest did counts now, if it comes
        // once more as the user's; of two events with the same time and properties, it trains on one.
        enqueue(past.map((event) => ({ ...event, eventId: `${event.eventId}u` })));
      }
      return flush();
    },
    logout() {
      logout();
      return flush();
    },
    guestId: session,
  };
}
