"""What http.sh asks of a console: http_test.py GROUP, with CONSOLE_PORT, CONSOLE_SECRET, JOB and LIVE."""
import http.client
import json
import os
import random
import resource
import socket
import subprocess
import sys
import threading
import time

PORT = int(os.environ["CONSOLE_PORT"])
SECRET = os.environ["CONSOLE_SECRET"]
JOB = os.environ["JOB"]
COOKIES = os.path.join(os.environ["XDG_STATE_HOME"], "cookie")
failures = []


def check(what, good, seen=""):
    if not good:
        failures.append(what)
        print(f"FAILED: {what} {seen}", flush=True)


def ask(path, method="GET", cookie=None, body=None, csrf=None, **headers):
    """Status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if cookie:
        sent["Cookie"] = cookie
    if csrf:
        sent["X-Domed-Csrf"] = csrf
    if body is not None and "Content-Type" not in sent:
        sent["Content-Type"] = "application/json"
    if isinstance(body, dict):
        body = json.dumps(body)
    connection.request(method, path, body, sent)
    reply = connection.getresponse()
    out = reply.status, reply.headers, reply.read()
    connection.close()
    return out


def raw(data):
    """What comes back of bytes that are sent as they are: all of it, or, of what waits for more, what comes at once."""
    with socket.create_connection(("127.0.0.1", PORT), timeout=1) as wire:
        out = b""
        try:
            wire.sendall(data)
            while part := wire.recv(65536):
                out += part
        except TimeoutError:
            pass
        return out


def log_in():
    status, headers, body = ask("/api/login", "POST", body={"token": SECRET})
    check("login", status == 200, (status, body))
    return headers["Set-Cookie"].split(";")[0], headers["Set-Cookie"]


def events(stream):
    """Server-Sent Events: name, id, data."""
    name, ident, data = "message", None, []
    for line in stream:
        line = line.decode().rstrip("\n")
        if line == "":
            if data:
                yield name, ident, "\n".join(data)
            name, data = "message", []
        elif line.startswith("event: "):
            name = line[7:]
        elif line.startswith("id: "):
            ident = line[4:]
        elif line.startswith("data: "):
            data.append(line[6:])


def follow(cookie, job, since=0, last=None):
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    headers = {"Cookie": cookie}
    if last:
        headers["Last-Event-ID"] = last
    connection.request("GET", f"/api/d/local/follow?job_id={job}&since={since}", headers=headers)
    return connection.getresponse()


def truth(job):
    out = subprocess.run([f"{os.environ['BIN']}/domectl", "follow", job, "--json"], capture_output=True, check=True)
    return out.stdout.decode().splitlines()


def who_gets_in(cookie, whole):
    for part in ("HttpOnly", "SameSite=Strict", "Path=/"):
        check(f"the cookie is {part}", part in whole, whole)
    check("the secret is in no cookie", SECRET not in whole)
    for path in ("session", "d/local/jobs", f"d/local/job?job_id={JOB}", f"d/local/follow?job_id={JOB}"):
        check(f"{path} without a login", ask("/api/" + path)[0] == 401)
        check(f"{path} with a stranger's", ask("/api/" + path, cookie=cookie[:-1] + ("0" if cookie[-1] != "0" else "1"))[0] == 401)
    check("a wrong secret", ask("/api/login", "POST", body={"token": "x" * 48})[0] == 401)
    for host in ("evil.example", f"evil.example:{PORT}", "127.0.0.1:1", "localhost", "", f"127.0.0.1.evil.example:{PORT}"):
        check(f"Host {host!r}", ask("/api/session", cookie=cookie, Host=host)[0] in (400, 403))
        check(f"the page for Host {host!r}", ask("/", Host=host)[0] in (400, 403))
    for host in (f"localhost:{PORT}", f"[::1]:{PORT}", f"LOCALHOST:{PORT}"):
        check(f"Host {host!r}", ask("/api/session", cookie=cookie, Host=host)[0] == 200)
    for origin in ("http://evil.example", "null", f"https://127.0.0.1:{PORT}", f"http://127.0.0.1:{PORT + 1}"):
        check(f"Origin {origin}", ask("/api/session", cookie=cookie, Origin=origin)[0] == 403)
        check(f"a login from {origin}", ask("/api/login", "POST", body={"token": SECRET}, Origin=origin)[0] == 403)
    check("its own origin", ask("/api/session", cookie=cookie, Origin=f"http://127.0.0.1:{PORT}")[0] == 200)
    for site in ("cross-site", "same-site"):
        check(f"a page of {site}", ask("/api/session", cookie=cookie, Sec_Fetch_Site=site)[0] == 403)
    check("two hosts", b" 403 " in raw(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\nHost: evil\r\nConnection: close\r\n\r\n".encode()).split(b"\r\n")[0])


def what_changes(cookie, csrf):
    cancel = {"daemon": "local", "job_id": os.environ["LIVE"], "act": "hold"}
    check("a change without the page's word", ask("/api/act", "POST", cookie, cancel)[0] == 403)
    check("a change with another's", ask("/api/act", "POST", cookie, cancel, csrf="0" * 64)[0] == 403)
    check("a form", ask("/api/act", "POST", cookie, "daemon=local", csrf, Content_Type="application/x-www-form-urlencoded")[0] == 400)
    check("an act that is none", ask("/api/act", "POST", cookie, {**cancel, "act": "delete"}, csrf)[0] == 400)
    check("another daemon", ask("/api/act", "POST", cookie, {**cancel, "daemon": "x"}, csrf)[0] == 404)
    check("by GET", ask("/api/act", cookie=cookie, csrf=csrf)[0] == 404)
    status, _, body = ask("/api/act", "POST", cookie, cancel, csrf)
    check("the daemon's own refusal", status == 409 and json.loads(body)["error"] == "E_INVALID_TRANSITION", (status, body))
    status, _, body = ask("/api/act", "POST", cookie, {"daemon": "local", "job_id": JOB, "act": "retry", "key": "again"}, csrf)
    check("a retry", status == 200 and json.loads(body)["job_id"] != JOB, body)


def what_it_gives(cookie):
    lines = truth(JOB)
    status, headers, body = ask(f"/api/d/local/events?job_id={JOB}&max_events=10000", cookie=cookie)
    head, *got = body.decode().split("\n")
    check("a page of events is the daemon's own bytes", status == 200 and got[:-1] == lines and json.loads(head)["final"])
    _, _, body = ask(f"/api/d/local/events?job_id={JOB}&since_seq=100&max_events=7", cookie=cookie)
    check("a range", body.decode().split("\n")[1:-1] == lines[100:107])
    _, _, body = ask(f"/api/d/local/events?job_id={JOB}&before_seq={len(lines) + 1}&max_events=3", cookie=cookie)
    check("the end", body.decode().split("\n")[1:-1] == lines[-3:])
    job = json.loads(ask(f"/api/d/local/job?job_id={JOB}", cookie=cookie)[2])
    shown = subprocess.run([f"{os.environ['BIN']}/domectl", "status", JOB, "--json"], capture_output=True, check=True)
    check("a status is what domectl --json gives", job == json.loads(shown.stdout))
    found = json.loads(ask(f"/api/d/local/search?job_id={JOB}&literal=oh%20no", cookie=cookie)[2])
    check("a search", len(found["matches"]) == 1)
    _, headers, body = ask(f"/api/d/local/download?job_id={JOB}&as=raw&stream=stdout", cookie=cookie)
    check("a download", body == b"".join(b"%d\n" % i for i in range(1, 2001)))
    check("a download is a file", headers["Content-Disposition"].startswith("attachment; "))
    _, _, body = ask(f"/api/d/local/download?job_id={JOB}&as=events", cookie=cookie)
    check("a download of events", body.decode().splitlines() == lines)
    jobs = json.loads(ask("/api/d/local/jobs?label=team%3Dx&state=failed", cookie=cookie)[2])["jobs"]
    check("a list", [one["job_id"] for one in jobs].count(JOB) == 1)
    check("a job that is not there", ask("/api/d/local/job?job_id=none", cookie=cookie)[0] == 404)
    check("a number that is none", ask(f"/api/d/local/events?job_id={JOB}&since_seq=x", cookie=cookie)[0] == 400)


def who_follows(cookie):
    lines = truth(JOB)
    got, ids, last = [], [], None
    for name, ident, data in events(follow(cookie, JOB)):
        if name == "message":
            got += data.split("\n")
            ids.append(ident)
        last = name
    check("a follow gives every line once, in order", got == lines)
    check("and says that it ended", last == "end", last)
    log = json.loads(ask(f"/api/d/local/job?job_id={JOB}", cookie=cookie)[2])["log_id"]
    check("the id is where one is", ids[-1] == f"{log}:{len(lines)}", ids[-1:])
    got = [line for name, _, data in events(follow(cookie, JOB, 0, f"{log}:1000")) if name == "message" for line in data.split("\n")]
    check("Last-Event-ID goes on", got == lines[1000:])
    for last, error in (("0" * 32 + ":5", "E_LOG_CHANGED"), (f"{log}:99999999", "E_CURSOR_AHEAD")):
        name, _, data = next(one for one in events(follow(cookie, JOB, 0, last)) if one[0] != "connection")
        check(f"a place that is not there: {error}", name == "problem" and json.loads(data)["error"] == error, (name, data))


def many_follow(cookie):
    """Many browsers on one log: one follower of the daemon."""
    live = os.environ["LIVE"]
    cookies = [log_in()[0] for _ in range(4)]

    def has_begun(stream):
        return any(name == "message" and "begun" in data for name, _, data in events(stream))

    def work():
        return json.loads(ask("/api/d/local/health", cookie=cookie)[2])["work"]

    def most():
        """Of some looks: a poll is held now and then, of one follower as of one of many."""
        looks = []
        for _ in range(30):
            looks.append(work())
            time.sleep(0.05)
        return {what: max(look[what] for look in looks) for what in ("held_polls", "subscribers", "clients")}

    streams = [follow(cookies[0], live)]
    check("one browser has the line", has_begun(streams[0]))
    one = most()
    streams += [follow(cookies[i % 4], live) for i in range(199)]
    begun = sum(has_begun(stream) for stream in streams[1:])
    check("each browser has the line", begun == 199, begun)
    many = most()
    check("the daemon sees no more than of one", all(many[what] <= one[what] for what in one), (one, many))
    refused = [follow(cookies[0], live) for _ in range(60)]
    check("one browser has not all of it", any(one.status == 429 for one in refused))
    for stream in streams + refused:
        stream.close()


def what_the_browser_is_told(cookie):
    for path in ("/", "/d/local/jobs", "/api/session", "/none.txt"):
        _, headers, _ = ask(path, cookie=cookie)
        policy = headers["Content-Security-Policy"] or ""
        check(f"{path}: a policy", "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy, policy)
        check(f"{path}: nosniff", headers["X-Content-Type-Options"] == "nosniff")
        check(f"{path}: nobody frames it", headers["X-Frame-Options"] == "DENY")
        check(f"{path}: nobody is told where one was", headers["Referrer-Policy"] == "no-referrer")
    check("answers are kept by nobody", ask("/api/session", cookie=cookie)[1]["Cache-Control"] == "no-store")
    page = ask("/")[2].decode()
    check("the page asks no other host", "http://" not in page and "https://" not in page and "//" not in page.replace("<!doctype html>", ""))
    status, headers, zipped = ask("/", Accept_Encoding="gzip")
    check("the page, compressed", headers["Content-Encoding"] == "gzip" and len(zipped) < len(page) + 100)


def hostile_routes(cookie, csrf):
    """Whatever is asked, it is answered, and it goes on serving."""
    seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
    print(f"seed {seed}", flush=True)
    dice = random.Random(seed)
    pieces = ["api", "d", "local", "jobs", "job", "events", "follow", "search", "..", "%2e%2e", "%00", "%", "%ff", "assets", "'", '"', "<b>", "\\", "a" * 300,
              "?job_id=", JOB, "&", "=", "#", "since_seq=", "-1", "18446744073709551616", "1e9", "limit=0", "pattern=(((", "literal=", "%F0%9F%92%A9", "as=raw", "tool_id=x", ";", "+"]
    for _ in range(400):
        path = "/" + "".join(dice.choice(pieces) + dice.choice(["", "/", "?"]) for _ in range(dice.randrange(8)))
        if "follow" in path or "live" in path:
            continue
        try:
            status, _, body = ask(path, dice.choice(["GET", "GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD"]), cookie if dice.random() < 0.8 else None)
            check(f"{path!r} is answered", status in (200, 304, 400, 401, 403, 404, 405, 409, 410, 413, 414, 429, 501, 502, 503), (status, body[:100]))
        except (http.client.HTTPException, UnicodeEncodeError, ConnectionError):
            pass
    for data in (b"", b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01" + os.urandom(300), b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n",
                 b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 5000 + b"\r\n", b"POST /api/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999999\r\n\r\n",
                 b"POST /api/login HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", b"GET /..%2f..%2fetc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"):
        try:
            back = raw(data)
            check("no file of the machine", b"root:" not in back)
        except OSError:
            pass
    check("a body that is too long", ask("/api/login", "POST", body="x" * 200_000)[0] in (400, 413))
    for body in ("", "[]", "{", '{"token":1}', '{"token":null}', '{"token":"' + "[" * 5000 + '"}', "[" * 60000):
        check(f"a body {body[:20]!r}", ask("/api/login", "POST", body=body, Content_Type="application/json")[0] in (400, 401, 429))
    check("a GET with a body", ask("/api/session", cookie=cookie, body="x" * 10)[0] == 400)
    check("it still serves", ask("/api/session", cookie=log_in()[0])[0] == 200)


def answers(head, body):
    """The statuses of all that is answered to a head, and to its body behind it where there was no end; and whether there was one."""
    out, ended = b"", False
    with socket.create_connection(("127.0.0.1", PORT), timeout=0.3) as wire:
        for data, patience in ((head, 0.3), (body, 2)):
            try:
                wire.sendall(data.encode())
                wire.settimeout(patience)
                while part := wire.recv(65536):
                    out += part
                ended = True
            except TimeoutError:
                pass
            except ConnectionError:
                ended = True
    return [int(part.split()[0]) for part in out.split(b"HTTP/1.1 ")[1:]], ended


def one_request_is_one():
    """Whatever a proxy takes for one request is one here, or ends the connection: nothing of a body becomes a request."""
    inner = f"GET /api/session HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n\r\n"
    chunked = f"{len(inner):x}\r\n{inner}\r\n0\r\n\r\n"
    place = f"/ HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n"
    length = f"Content-Length: {len(inner)}\r\n"
    for method in ("GET", "HEAD", "OPTIONS", "DELETE", "PUT", "PATCH", "TRACE", "CONNECT"):
        for said in (length, "Transfer-Encoding: chunked\r\n"):
            body = inner if said == length else chunked
            seen = answers(f"{method} {place}{said}\r\n", body)
            check(f"{method} with a body, {said.strip()}", len(seen[0]) <= 1 and seen[1], seen)
    login = f"POST /api/login HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\nContent-Type: application/json\r\n"
    for said in (length + length, length + "Content-Length: 2\r\n", "Content-Length: +2\r\n", "Content-Length: 0x2\r\n", "Content-Length:\r\n",
                 "Content-Length: 2, 2\r\n", length + "Transfer-Encoding: chunked\r\n", "Transfer-Encoding : chunked\r\n", "Transfer-Encoding: xchunked\r\n",
                 f"Content-Length : {len(inner)}\r\n", f"X: y\r\n {length}", f"X: y\n{length}", f"X: y\r{length}", "Content-Encoding: gzip\r\n" + length, ""):
        seen = answers(f"{login}{said}\r\n", inner)
        check(f"a POST with {said!r}", len(seen[0]) <= 1 and seen[1], seen)
    seen = answers(f"{login}Content-Length: 2\r\n\r\n", f"{{}}{inner}GET {place}Connection: close\r\n\r\n")
    check("requests that follow each other", len(seen[0]) == 3 and seen[0][:2] == [401, 401] and seen[1], seen)


def memory():
    """Of the console, in MB."""
    with open(f"/proc/{os.environ['CONSOLE']}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def what_strangers_cost():
    """Whatever a stranger sends, little of it is kept; and nobody waits for what they do not send."""
    login = f"POST /api/login HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\nContent-Type: application/json\r\n"
    get = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n"

    def pour(head, piece, megabytes):
        most = memory()
        with socket.create_connection(("127.0.0.1", PORT), timeout=20) as wire:
            try:
                wire.sendall(head.encode())
                for _ in range(megabytes * 1000000 // len(piece)):
                    wire.sendall(piece)
                    most = max(most, memory())
            except OSError:
                pass
        return most

    chunk = b"10000\r\n" + b"[]," * 21845 + b"[\r\n"
    before = memory()
    for what, head, piece in (("a body in chunks", login + "Transfer-Encoding: chunked\r\n\r\n", chunk), ("a long body", login + "Content-Length: 40000000\r\n\r\n", b"x" * 65536),
                              ("headers", get, b"a: b\r\n" * 8000), ("a line", get + "a: ", b"x" * 65536), ("an address", "GET /", b"x" * 65536)):
        most = pour(head, piece, 40)
        check(f"what {what} of 40 MB costs", most - before < 20, f"{most - before} MB")
    parts = get + "Range: bytes=" + ",".join(["0-9"] * 2000) + "\r\nConnection: close\r\n\r\n"
    check("many parts of a page are the page", len(raw(parts.encode())) < len(raw(f"{get}Connection: close\r\n\r\n".encode())) + 2000)


def crowds():
    """However many connections say nothing, or little by little: who asks is answered, and the oldest of them make room."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    slow, over = [], threading.Event()

    def drip():
        while not over.wait(0.5):
            for one in list(slow):
                try:
                    one.send(b"x")
                except OSError:
                    pass

    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        for crowd in (1100, 1700):
            while len(slow) < crowd:
                one = socket.create_connection(("127.0.0.1", PORT), timeout=20)
                one.sendall(b"GET / HTTP/1.1\r\nHost: ")
                slow.append(one)
            check(f"the page beside {crowd} who say little", ask("/")[0] == 200)
            check(f"a login beside {crowd}", ask("/api/session", cookie=log_in()[0])[0] == 200)
        try:
            said = slow[0].recv(1)
        except ConnectionError:
            said = b""
        check("who said little for longest is ended", said == b"")
    except TimeoutError:
        check("somebody is answered beside a crowd", False)
    finally:
        over.set()
        dripping.join()
    for one in slow:
        one.close()


def guesses():
    answers = [ask("/api/login", "POST", body={"token": f"{i:048}"})[0] for i in range(40)]
    check("guesses are counted", answers.count(429) >= 15, answers)
    check("who knows it gets in all the same", ask("/api/login", "POST", body={"token": SECRET})[0] == 200)


def only_what_there_is(cookie):
    """Whatever part is asked for: none of it is what stands behind it in memory."""
    for path in ("/", "/api/session", "/api/nothing", f"/api/d/local/job?job_id={JOB}"):
        whole = ask(path, cookie=cookie)[2]
        for part in ("0-999999999", "0-20000", "400-20000", f"{len(whole)}-{len(whole) + 9}", "-99999", "0-1,0-999999999",
                     "18446744073709551000-18446744073709551615", "5-2", "0-0", "x", "0-"):
            reply = raw(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\nCookie: {cookie}\r\n"
                        f"Range: bytes={part}\r\nConnection: close\r\n\r\n".encode())
            head, _, body = reply.partition(b"\r\n\r\n")
            check(f"{path}, part {part}", len(body) == len(whole) or b" 416 " in head.split(b"\r\n")[0], (head, len(body), len(whole)))


def all_groups():
    cookie, whole = log_in()
    session = json.loads(ask("/api/session", cookie=cookie)[2])
    check("who one is", session["daemons"][0]["roles"][-1] == "operator", session)
    csrf = session["csrf"]
    what_it_gives(cookie)
    who_follows(cookie)
    what_the_browser_is_told(cookie)
    what_changes(cookie, csrf)
    many_follow(cookie)
    who_gets_in(cookie, whole)
    hostile_routes(cookie, csrf)
    only_what_there_is(cookie)
    one_request_is_one()
    what_strangers_cost()
    crowds()
    out, _ = log_in()
    theirs = json.loads(ask("/api/session", cookie=out)[2])["csrf"]
    check("each session has a word of its own", theirs != csrf)
    check("log out", ask("/api/logout", "POST", out, {}, theirs)[0] == 200)
    check("who logged out is out", ask("/api/session", cookie=out)[0] == 401)
    guesses()
    with open(COOKIES, "w") as file:
        file.write(cookie + "\n" + out)


def kept():
    with open(COOKIES) as file:
        cookie, out = file.read().split("\n")
    check("a login outlives the console", ask("/api/session", cookie=cookie)[0] == 200)
    check("a logout outlives the console", ask("/api/session", cookie=out)[0] == 401)


def stranger():
    check("any word at all", ask("/api/login", "POST", body={"token": "letmein"})[0] == 401)


def strangers():
    one_request_is_one()
    what_strangers_cost()
    crowds()


def through():
    cookie, _ = log_in()
    for name, ident, data in events(follow(cookie, JOB)):
        print(data, flush=True)
        if name == "end":
            return
    check("it ended without a word", False)


def read_only():
    cookie, _ = log_in()
    session = json.loads(ask("/api/session", cookie=cookie)[2])
    check("it says so", session["read_only"])
    status, _, body = ask("/api/act", "POST", cookie, {"daemon": "local", "job_id": os.environ["LIVE"], "act": "cancel"}, session["csrf"])
    check("it changes nothing", status == 403 and json.loads(body)["error"] == "E_READ_ONLY", body)


{"all": all_groups, "kept": kept, "through": through, "read_only": read_only, "stranger": stranger, "strangers": strangers}[sys.argv[1]]()
sys.exit(1 if failures else 0)
