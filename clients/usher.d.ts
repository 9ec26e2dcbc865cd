/** Usher in web pages. The guide is docs/browser.md. */

/** An address of the API, with what lets a page in: the output `KeyApiUrl` with a key, or `TokenApiUrl` with a token. */
export interface Door {
  url: string;
  key?: string;
  /** A token, or a function that gets one: it is asked before each request. */
  token?: string | (() => string | Promise<string>);
}

export interface Settings {
  group: string;
  /** For guests; also for users, where there is no `user`. */
  guest?: Door;
  /** For users who have logged in; also for guests, where there is no `guest`. */
  user?: Door;
  /** Milliseconds for which events wait for others; default: 2000. */
  wait?: number;
  /** Called with the API's error and the event that it refuses for good; default: console.warn. */
  onError?: (error: { code?: string; message?: string; status?: number }, event: TrackedEvent) => void;
}

/** The options of docs/api.md; objects are sent as JSON. */
export type Options = Record<string, string | number | boolean | object | undefined>;

export interface Answer {
  itemList: { itemId: string; score?: number; [member: string]: unknown }[];
  source: "campaign" | "recommender" | "export" | "popular";
  recommendationId?: string;
  next?: string;
  [member: string]: unknown;
}

/** What an event may have besides its type and its item. */
export interface EventDetails {
  eventValue?: number;
  properties?: Record<string, unknown>;
  recommendationId?: string;
  impression?: string[];
  metricAttribution?: { eventAttributionSource: string };
  /** Unix time in seconds; default: now. */
  sentAt?: number;
}

export interface TrackedEvent extends EventDetails {
  eventId: string;
  eventType: string;
  itemId?: string;
}

export interface Usher {
  /** Items for the user, or for the guest. A refused request rejects with an Error that has `status` and `code`. */
  recommend(options?: Options): Promise<Answer>;
  similar(itemId: string, options?: Options): Promise<Answer>;
  popular(options?: Options): Promise<Answer>;
  /** Record an event. It names the newest answer that had the item: recommendationId and impression. */
  track(eventType: string, itemId?: string, details?: EventDetails): void;
  /** Send what waits. Resolves when the API has taken it, or is to be asked again later. */
  flush(): Promise<void>;
  /** The guest is this user from now on, and what the session has taught is the user's. */
  login(userId: string): Promise<void>;
  /** The next person at this browser is a new guest. */
  logout(): Promise<void>;
  /** The guest's ID, which is the session's. */
  guestId(): string;
}

export function usher(settings: Settings): Usher;
