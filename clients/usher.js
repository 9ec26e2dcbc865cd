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
  let memory = {}, blocked = false, timer, sending, failures = 0;
  let size = BATCH; // of a request; after a refusal 1, then 0 for one without its time: the device's clock may be wrong

  function state() {
    try {
      if (!blocked) memory = JSON.parse(localStorage.getItem(name)) ?? {};
    } catch {
      // What is not ours there is written over; where storage is off, `change` finds out.
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
    const headers = {
      [token ? "authorization" : "x-api-key"]: token ? `Bearer ${token}` : door.key,
      "x-time-zone": Intl.DateTimeFormat().resolvedOptions().timeZone,
    };
    return fetch(`${door.url}/${group}/${path}`, { ...request, headers });
  }

  /** The oldest events of one session and user; `away`: users whose events are not sent now. */
  function next(away = []) {
    return queue()
      .filter((one) => !away.includes(one.user))
      .filter((one, _, [first]) => one.user === first.user && one.session === first.session)
      .slice(0, size || 1);
  }

  function post(batch, keepalive) {
    const [{ user, session }] = batch;
    const events = batch.map(({ event }) => (size ? event : { ...event, sentAt: undefined }));
    const body = JSON.stringify({ userId: user, sessionId: session, events });
    return call(user, "events", { method: "POST", body, keepalive });
  }

  function forget(batch) {
    const sent = batch.map((one) => one.event.eventId);
    change({ queue: queue().filter((one) => !sent.includes(one.event.eventId)) });
  }

  function enqueue(events) {
    const added = events.map((event) => ({ user: state().user, session: session(), event }));
    change({ queue: [...queue(), ...added].slice(-MAX_EVENTS) });
  }

  async function drain() {
    const away = []; // who has no token any more keeps no guest's events back
    let pause = 0;
    for (let batch; (batch = next(away))[0]; ) {
      const answer = await post(batch).catch(() => ({})), { status } = answer;
      if (!(status < 500) || status === 401 || status === 429) {
        away.push(batch[0].user);
        pause = answer.headers?.get("retry-after") * 1000 || pause;
      } else if (status === 400 && size) {
        size = +(size > 1); // one of them is wrong: the others are not refused for it
      } else {
        size = BATCH;
        forget(batch);
        if (answer.ok) continue;
        const error = await answer.json().catch(() => ({ status }));
        for (const { event } of batch) onError(error, event);
      }
    }
    if (away.length) {
      clearTimeout(timer);
      const usual = Math.min(MAX_PAUSE, PAUSE * 2 ** failures++);
      timer = setTimeout(flush, Math.max(pause, usual * (1 - Math.random() / 2)));
    } else failures = 0;
  }

  function flush() {
    timer = clearTimeout(timer);
    return (sending ??= drain().finally(() => (sending = undefined)));
  }

  /** The page may end now: nobody waits for the answer, and what has not arrived is sent by the next page. */
  function leave() {
    const batch = next();
    if (batch[0]) post(batch, true).then((answer) => answer.ok && forget(batch), () => {});
  }

  async function read(path, options, about) {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries({ ...about, ...options }))
      if (value != null) query.set(key, typeof value === "object" ? JSON.stringify(value) : value);
    const answer = await call(state().user, `${path}?${query}`);
    const content = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(content.message), content, { status: answer.status });
    const { recommendationId: id, itemList } = content;
    if (id) {
      const list = { id, items: itemList.map((one) => one.itemId) };
      change({ lists: [list, ...(state().lists ?? [])].slice(0, MAX_LISTS) });
    }
    return content;
  }

  function track(eventType, itemId, more) {
    const { user, past = [], lists = [] } = state();
    const list = lists.find((one) => one.items.includes(itemId));
    const shown = list && { recommendationId: list.id, impression: list.items.slice(0, MAX_IMPRESSION) };
    const event = { eventId: newId(), eventType, itemId, sentAt: Date.now() / 1000, ...shown, ...more };
    if (!user) change({ past: [...past, event].slice(-BATCH) });
    enqueue([event]);
    if (!failures && queue().length >= BATCH) flush();
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
