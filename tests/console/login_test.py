"""What login.sh asks of a console over TLS: login_test.py GROUP, with PORT, SCRATCH, and the jobs THEIRS, OTHERS, DOOMED and LIVE."""
import http.client
import json
import os
import ssl
import sys

PORT = int(os.environ["PORT"])
SCRATCH = os.environ["SCRATCH"]
THEIRS, OTHERS, DOOMED, LIVE = (os.environ[name] for name in ("THEIRS", "OTHERS", "DOOMED", "LIVE"))
ORIGIN = f"https://localhost:{PORT}"
failures = []


def check(what, good, seen=""):
    if not good:
        failures.append(what)
        print(f"FAILED: {what} {seen}", flush=True)


def secret_of(name):
    with open(f"{SCRATCH}/{name}") as file:
        return file.read().strip()


class Browser:
    """One that has a cookie, or a certificate, or neither."""

    def __init__(self, certificate=None, address=None):
        self.address = (address, 0) if address else None
        self.context = ssl.create_default_context(cafile=f"{SCRATCH}/ca.pem")
        if certificate:
            self.context.load_cert_chain(f"{SCRATCH}/{certificate}.pem", f"{SCRATCH}/{certificate}.key")
        self.cookie = self.csrf = None
        self.set_cookie = self.logged_in_by = ""

    def request(self, path, method="GET", body=None, timeout=20, **headers):
        connection = http.client.HTTPSConnection("localhost", PORT, timeout=timeout, context=self.context, source_address=self.address)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            sent["Cookie"] = self.cookie
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        connection.request(method, path, json.dumps(body) if body is not None else None, sent)
        return connection.getresponse()

    def ask(self, path, method="GET", body=None, **headers):
        reply = self.request(path, method, body, **headers)
        text = reply.read()
        self.set_cookie = reply.headers["Set-Cookie"] or ""
        if reply.headers["Content-Type"] == "application/json":
            text = json.loads(text)
        return reply.status, text

    def log_in(self, word, **headers):
        """The status; and this browser has the cookie, and the word for what changes something."""
        status, _ = self.ask("/api/login", "POST", {"token": word}, **headers)
        if status == 200:
            self.logged_in_by = self.set_cookie
            self.cookie = self.set_cookie.split(";")[0]
            self.session()
        return status

    def session(self):
        status, session = self.ask("/api/session")
        self.csrf = session.get("csrf")
        return session if status == 200 else {"status": status}

    def act(self, act, job, **headers):
        """The error's name, or "ok"."""
        if self.csrf:
            headers.setdefault("X_Domed_Csrf", self.csrf)
        status, body = self.ask("/api/act", "POST", {"daemon": "local", "job_id": job, "act": act}, **headers)
        return "ok" if status == 200 else body["error"]


def as_token(name):
    browser = Browser()
    check(f"{name} logs in", browser.log_in(secret_of(f"{name}.token")) == 200)
    return browser


def first_line(stream):
    for line in stream:
        if line.startswith(b"data: {\"job_id\""):
            return line.decode()
    return ""


def who_has_a_token():
    viewer = as_token("eyes")
    for part in ("HttpOnly", "SameSite=Strict", "Secure", "Path=/"):
        check(f"over TLS the cookie is {part}", part in viewer.logged_in_by, viewer.logged_in_by)
    session = viewer.session()
    check("a viewer is told what it is", session["who"] == "token:eyes" and session["daemons"][0]["roles"] == ["reader"], session)
    check("a viewer sees the jobs", viewer.ask("/api/d/local/jobs")[0] == 200)
    check("and a log", first_line(viewer.request(f"/api/d/local/follow?job_id={OTHERS}")) != "")
    for act in ("cancel", "hold", "pause", "resume", "retry"):
        check(f"a viewer may not {act}", viewer.act(act, OTHERS) == "E_FORBIDDEN")
    viewers = [as_token("eyes") for _ in range(3)]
    streams = [one.request(f"/api/d/local/follow?job_id={LIVE}") for one in viewers for _ in range(40)]
    refused = sum(stream.status == 429 for stream in streams)
    check("one token has not all of it, however often it logs in", 20 <= refused < 40, refused)
    for stream in streams:
        stream.close()
    builder = as_token("builds")
    check("a submitter may not cancel what another submitted", builder.act("cancel", OTHERS) == "E_FORBIDDEN")
    check("but what it submitted itself", builder.act("cancel", THEIRS) == "ok")
    boss = as_token("boss")
    check("an operator may pause", boss.act("pause", OTHERS) == "ok" and boss.act("resume", OTHERS) == "ok")
    check("an operator may cancel", boss.act("cancel", OTHERS) == "ok")
    check("each has a word of its own", len({viewer.csrf, builder.csrf, boss.csrf}) == 3)
    check("another's word is none", boss.act("cancel", DOOMED, X_Domed_Csrf=viewer.csrf) == "E_FORBIDDEN")
    check("nor is nothing", boss.act("cancel", DOOMED, X_Domed_Csrf="") == "E_FORBIDDEN")
    check("the cookie says nothing of the token", secret_of("boss.token") not in boss.cookie)
    out = as_token("boss")
    held = out.request(f"/api/d/local/follow?job_id={DOOMED}")
    check("a follow", first_line(held) != "")
    check("log out", out.ask("/api/logout", "POST", {}, X_Domed_Csrf=out.csrf)[0] == 200 and out.session() == {"status": 401})
    check("ends what was followed", b"E_LOGIN" in held.read())


def who_shows_a_certificate():
    ann, eve, carl = Browser("ann"), Browser("eve"), Browser("carl")
    session = ann.session()
    check("a certificate is a login", session.get("who") == "cert:ann" and not session["read_only"], session)
    check("it needs the page's word all the same", Browser("ann").act("cancel", DOOMED) == "E_FORBIDDEN")
    check("and the page's origin", ann.act("cancel", DOOMED, Origin="https://evil.example") == "E_FORBIDDEN")
    session = eve.session()
    check("a reader's is a reader's", session.get("who") == "cert:eve" and session["read_only"], session)
    check("who sees the jobs", eve.ask("/api/d/local/jobs")[0] == 200)
    check("and cancels none", eve.act("cancel", DOOMED) == "E_READ_ONLY")
    check("an operator's cancels", ann.act("cancel", DOOMED, Origin=ORIGIN) == "ok")
    check("a name that nobody wrote down has to log in", carl.session() == {"status": 401})
    check("and may", carl.log_in(secret_of("eyes.token")) == 200)
    check("a daemon's certificate is nobody's", is_nobody("ann-server"))
    check("a stranger's authority is no authority", is_nobody("forged"))


def is_nobody(certificate):
    """Whether it is kept out, by TLS or by HTTP."""
    try:
        return Browser(certificate).session() == {"status": 401}
    except (ssl.SSLError, ConnectionError, http.client.HTTPException):
        return True


def whom_it_listens_to():
    secret = secret_of("xdg/domed/console-secret")
    own = Browser()
    check("the console's own secret", own.log_in(secret, Origin=ORIGIN) == 200)
    for host in ("evil.example", f"evil.example:{PORT}", "localhost:1", ""):
        check(f"Host {host!r}", own.ask("/api/session", Host=host)[0] in (400, 403))
    for origin in ("https://evil.example", "null", f"http://localhost:{PORT}"):
        check(f"Origin {origin}", own.ask("/api/session", Origin=origin)[0] == 403)
        check(f"a login from {origin}", Browser().log_in(secret, Origin=origin) == 403)
    check("it is to be asked over TLS from now on", "max-age=" in (own.request("/").headers["Strict-Transport-Security"] or ""))
    try:
        plain = http.client.HTTPConnection("localhost", PORT, timeout=20)
        plain.request("GET", "/api/session")
        check("nothing is answered without TLS", plain.getresponse().status >= 400)
    except (OSError, http.client.HTTPException):
        pass


def roles():
    who_has_a_token()
    who_shows_a_certificate()
    whom_it_listens_to()
    gone = as_token("gone")
    with open(f"{SCRATCH}/gone.session", "w") as file:
        file.write(f"{gone.cookie}\n{gone.csrf}\n")


def follows():
    """Follows until it is ended: the token is taken away meanwhile."""
    browser = as_token("gone")
    stream = browser.request(f"/api/d/local/follow?job_id={LIVE}", timeout=60)
    print(first_line(stream), flush=True)
    check("who is not known any more follows nothing", b"E_FORBIDDEN" in stream.read())


def revoked():
    gone = Browser()
    gone.cookie, gone.csrf = secret_of("gone.session").split()
    for path in ("jobs", f"job?job_id={OTHERS}", f"events?job_id={OTHERS}", f"follow?job_id={OTHERS}", "live"):
        check(f"{path.split('?')[0]} with a token that is gone", gone.request(f"/api/d/local/{path}").status in (401, 403))
    check("a change with it", gone.act("cancel", OTHERS) == "E_FORBIDDEN")
    check("a login with it", Browser().log_in(secret_of("gone.token")) == 401)


def guesses():
    answers = [Browser().log_in(f"guess-{i:042}") for i in range(30)]
    check("wrong tokens are refused, and counted", set(answers) == {401, 429} and answers[-1] == 429, answers)
    check("who knows the secret gets in all the same", Browser().log_in(secret_of("xdg/domed/console-secret")) == 200)
    check("and who has a token", Browser().log_in(secret_of("eyes.token")) == 200)
    for host in range(2, 9):
        far = [Browser(address=f"127.0.0.{host}").log_in(f"guess-{i:042}") for i in range(21)]
        check("each address has its own", far[0] == 401 and far[-1] == 429, far)
    check("who has a token is let in beside guesses from everywhere", Browser().log_in(secret_of("builds.token")) == 200)
    check("who has a certificate, too", Browser("eve").session().get("who") == "cert:eve")


def read_only():
    for browser in (as_token("boss"), Browser("ann")):
        check("it says that one may only look", browser.session()["read_only"])
        check("it changes nothing", browser.act("retry", OTHERS) == "E_READ_ONLY")


{"roles": roles, "follows": follows, "revoked": revoked, "guesses": guesses, "read_only": read_only}[sys.argv[1]]()
sys.exit(1 if failures else 0)
