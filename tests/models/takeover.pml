/* OneOwner, OwnOnly and Takeover of several nodes on one store, as far as order goes: who may start, settle and
 * take a job, over the death of any node and however late a commit lands.
 *
 * NODES nodes, a job and the job that tries it again.  A node claims, spawns a runner, lets it say `running`,
 * settles what is its own, takes what a dead node has left, and makes the retry.  A daemon may be killed while its
 * runners live, a machine may die with them, for good or not, and a node may lose its lease while it lives: BUDGET
 * times in all.  Each commit is compare and set: it is begun by what its node has read, and lands as long as nobody
 * changed the job, even when its daemon is dead.
 *
 * Time is not here.  That a lease is dead says what runner.pml shows: nothing is left of the commands that lived
 * by it, and of the jobs whose record named that node all the while (lost[]) nothing begins any more.
 *
 *   started at most once     asserted in step exec
 *   no two owners acting     asserted in step exec, and in step lose: nobody settles what acts
 *   a retry never beside     asserted in step exec
 *   an end for every job     asserted in Last, which is reached whatever happens: nothing goes round for ever
 *
 *! holds -DBUDGET=2
 *! ends -DBUDGET=1
 *! refuted SAME_TOKEN      an assignment gives the run no new token
 *! refuted CLAIM_BLIND     a claim is no compare and set
 *! refuted NO_ANSWER       the runner executes before `running` is acknowledged
 *! refuted ANY_ANSWER      the runner executes although `running` was refused
 *! refuted LATE_ANSWER     the runner executes though its deadline is over
 *! refuted TAKE_OVER       a lease that is over is taken for a dead one
 *! refuted TAKE_UNSEEN     a dead lease counts for jobs that named its node later
 *! refuted TAKE_BLIND      a take-over is no compare and set
 *! refuted TAKE_NOTHING    nobody takes what a dead node has left
 *! refuted NOT_OWN         a node settles what is not its own
 *! refuted NOT_ADOPTED     a restart does not look for runners that live
 *! refuted ONCE            a node looks at its own jobs at its start alone
 *! refuted RETRY_BLIND     the retry is made over one that is there
 */
#ifndef BUDGET
#define BUDGET 1
#endif
#ifndef NODES
#define NODES 2
#endif
#define JOBS 2
#define RUNS (2 + BUDGET) /* claims: each of the two jobs' first one, and one for each blow */

/* Of a job's record. */
#define NONE 0
#define QUEUED 1
#define RUNNING 2
#define ENDED 3
#define FAILED 4
#define IS_OVER(job) (state[job] >= ENDED)

/* Of a lease. */
#define HELD 0
#define GONE_BY 1 /* its time is over: its node stops acting */
#define DEAD 2

/* Of a runner. */
#define NOT 0
#define BORN 1     /* it says `running` until it is answered */
#define ANSWERED 2
#define ACTING 3   /* its command lives */
#define EXITED 4   /* the command has ended, its runner reports that until it is answered */
#define AWAY 5

/* What a commit under way does. */
#define IDLE 0
#define CLAIM 1
#define BEGIN 2    /* `running` */
#define END 3
#define BACK 4     /* the assignment is taken back */
#define LOSE 5     /* failed{lost} */
#define MAKE 6     /* the retry */
#define SPAWN 7    /* no commit: the claim is known, its runner is not there yet */

#define NOBODY NODES

byte state[JOBS];
byte node[JOBS] = NOBODY;    /* where the run is */
byte watcher[JOBS] = NOBODY; /* by whose lease it lives */
byte token[JOBS];            /* the run whose word counts; 0: nobody's */
bool lost[JOBS];             /* the watcher's lease died while the record named it */
byte starts[JOBS];

byte lease[NODES];
bool up[NODES] = true;
bool gone[NODES];                /* for good */
bool starting[NODES];            /* it looks at what its former life has left, and serves nobody */

/* A node's commit under way, and the one that its former life has left there. */
typedef Commit { byte what; byte job; byte whose; bool good };
Commit fly[NODES], left[NODES];

byte runner[RUNS + 1]; byte job_of[RUNS + 1]; byte home[RUNS + 1];
byte runs;
byte acting;                 /* commands that live */
#ifdef ONCE
bool known[RUNS + 1];        /* to the node whose it is, from its claim or its start */
#endif
byte budget = BUDGET;

#define LIVES(run) (runner[run] >= BORN && runner[run] <= EXITED)
#define FREE(n) (up[n] && fly[n].what == IDLE)
#define SERVES(n) (FREE(n) && !starting[n])
#define ACTS(n) (SERVES(n) && lease[n] == HELD)

inline begin(n, does, j, r) {
  fly[n].what = does; fly[n].job = j; fly[n].whose = r; fly[n].good = true
}
inline none(commit) { commit.what = IDLE; commit.job = 0; commit.whose = 0; commit.good = false }
#define SPOIL(commit, j) if :: commit.job == j -> commit.good = false :: else fi
inline changed(j) {
  SPOIL(fly[0], j); SPOIL(fly[1], j); SPOIL(left[0], j); SPOIL(left[1], j)
#if NODES > 2
  ; SPOIL(fly[2], j); SPOIL(left[2], j)
#endif
}
inline away(r) {
  if :: runner[r] == ACTING -> acting-- :: else fi;
  runner[r] = AWAY
}

#ifdef SAME_TOKEN
#define IS_TOKEN(r) (token[job_of[r]] != 0)
#else
#define IS_TOKEN(r) (token[job_of[r]] == r)
#endif
#ifdef CLAIM_BLIND
#define BLIND_CLAIM(what) (what == CLAIM)
#else
#define BLIND_CLAIM(what) false
#endif
#ifdef TAKE_BLIND
#define BLIND_TAKE(what) (what == BACK || what == LOSE)
#else
#define BLIND_TAKE(what) false
#endif
#ifdef RETRY_BLIND
#define BLIND_RETRY(what) (what == MAKE)
#else
#define BLIND_RETRY(what) false
#endif
#define LANDS(commit) \
  (commit.good || BLIND_CLAIM(commit.what) || BLIND_TAKE(commit.what) || BLIND_RETRY(commit.what))

/* A commit of node n comes to its end; what is not good any more changes nothing. */
inline land(commit, n) {
  j = commit.job; r = commit.whose; does = commit.what; lands = LANDS(commit);
  none(commit);
  if
  :: !lands
  :: lands && does == CLAIM -> /* step claim */
    assert(runs < RUNS);
    runs++; state[j] = QUEUED; node[j] = n; watcher[j] = n; token[j] = runs;
    job_of[runs] = j; home[runs] = n; r = runs
  :: lands && does == BEGIN -> state[j] = RUNNING; watcher[j] = n; lost[j] = false /* step running */
  :: lands && does == END -> /* step end */
    if :: state[j] = ENDED :: state[j] = FAILED fi
  :: lands && does == BACK -> /* step take_back */
    state[j] = QUEUED; node[j] = NOBODY; watcher[j] = NOBODY; token[j] = 0
  :: lands && does == LOSE -> /* step lose */
    assert(runner[token[j]] != ACTING);
    state[j] = FAILED
  :: lands && does == MAKE -> /* step retry */
    state[j] = QUEUED; node[j] = NOBODY; watcher[j] = NOBODY; token[j] = 0
  fi;
  if :: lands -> changed(j) :: else fi
}

#ifdef NOT_OWN
#define IS_OWN(j, n) (node[j] != NOBODY)
#define RUNS_HERE(j, n) (home[token[j]] == n && LIVES(token[j]))
#elif defined(NOT_ADOPTED)
#define IS_OWN(j, n) (node[j] == n)
#define RUNS_HERE(j, n) (!starting[n] && LIVES(token[j]))
#else
#define IS_OWN(j, n) (node[j] == n)
#define RUNS_HERE(j, n) LIVES(token[j])
#endif
#ifdef ONCE
#define MAY_SETTLE(j, n) (starting[n] || known[token[j]])
#else
#define MAY_SETTLE(j, n) true
#endif
#define TO_SETTLE(j, n) (IS_OWN(j, n) && !IS_OVER(j) && !RUNS_HERE(j, n) && MAY_SETTLE(j, n))

#ifdef TAKE_OVER
#define IS_DEAD(n) (lease[n] != HELD)
#define NAMED(j) true
#else
#define IS_DEAD(n) (lease[n] == DEAD)
#ifdef TAKE_UNSEEN
#define NAMED(j) true
#else
#define NAMED(j) lost[j]
#endif
#endif
#ifdef TAKE_NOTHING
#define TAKES false
#else
#define TAKES true
#endif

#define IS_OTHER(m) (m != n && m != NOBODY)

/* What a node begins, job by job. */
#define JOB_STEPS(j) \
  :: atomic { ACTS(n) && state[j] == QUEUED && node[j] == NOBODY -> begin(n, CLAIM, j, 0) } \
  /* step settle: what is its own */ \
  :: atomic { FREE(n) && TO_SETTLE(j, n) && state[j] == QUEUED -> begin(n, BACK, j, 0) } \
  :: atomic { FREE(n) && TO_SETTLE(j, n) && state[j] == RUNNING -> begin(n, LOSE, j, 0) } \
  /* step take: what a dead node has left */ \
  :: atomic { ACTS(n) && TAKES && state[j] == QUEUED && IS_OTHER(node[j]) && IS_DEAD(node[j]) -> \
      begin(n, BACK, j, 0) } \
  :: atomic { ACTS(n) && TAKES && state[j] == RUNNING && IS_OTHER(watcher[j]) && \
      IS_DEAD(watcher[j]) && NAMED(j) -> begin(n, LOSE, j, 0) } \
  :: atomic { ACTS(n) && TAKES && state[j] == RUNNING && watcher[j] == n && node[j] != n && \
      !LIVES(token[j]) -> begin(n, LOSE, j, 0) } /* it watches, and has not heard of it */

proctype Node(byte n) {
  byte j, r, does; bool lands;
  do
  JOB_STEPS(0)
  JOB_STEPS(1)
  :: atomic { ACTS(n) && state[0] == FAILED && state[1] == NONE -> begin(n, MAKE, 1, 0) }
  :: atomic { fly[n].what != IDLE && fly[n].what != SPAWN ->
      land(fly[n], n);
      if
      :: lands && does == CLAIM -> begin(n, SPAWN, j, r)
      :: else
      fi;
      j = 0; r = 0; does = 0; lands = false
    }
  :: atomic { left[n].what != IDLE -> land(left[n], n); j = 0; r = 0; does = 0; lands = false }
  :: atomic { fly[n].what == SPAWN -> /* step spawn */
      runner[fly[n].whose] = BORN;
#ifdef ONCE
      known[fly[n].whose] = true;
#endif
      none(fly[n])
    }
  :: atomic { FREE(n) && starting[n] && !TO_SETTLE(0, n) && !TO_SETTLE(1, n) ->
      starting[n] = false;
#ifdef ONCE
      if :: node[0] == n -> known[token[0]] = true :: else fi;
      if :: node[1] == n -> known[token[1]] = true :: else fi
#endif
    }
  :: atomic { up[n] && lease[n] != HELD -> lease[n] = HELD } /* step renew */
  od
}

#ifdef ANY_ANSWER
#define REFUSED ANSWERED
#else
#define REFUSED AWAY
#endif
#ifdef LATE_ANSWER
#define IS_LATE(n) false
#define BY_DEADLINE(r) (runner[r] == ACTING)
#else
#define IS_LATE(n) (lease[n] == DEAD)
#define BY_DEADLINE(r) (runner[r] >= BORN && runner[r] <= ACTING)
#endif
#define WATCHED(j) (watcher[j] != NOBODY && up[watcher[j]] && lease[watcher[j]] == HELD)

/* What a runner asks, node by node. */
#define RUNNER_STEPS(n) \
  :: atomic { runner[r] == BORN && SERVES(n) && (!IS_TOKEN(r) || IS_OVER(job_of[r])) -> \
      runner[r] = REFUSED } \
  :: atomic { runner[r] == BORN && ACTS(n) && IS_TOKEN(r) && state[job_of[r]] == QUEUED -> \
      begin(n, BEGIN, job_of[r], r) } \
  :: atomic { runner[r] == BORN && SERVES(n) && IS_TOKEN(r) && state[job_of[r]] == RUNNING && \
      watcher[job_of[r]] == n -> \
      runner[r] = (IS_LATE(n) -> AWAY : ANSWERED) } \
  :: atomic { (runner[r] == BORN || runner[r] == ACTING) && ACTS(n) && IS_TOKEN(r) && \
      state[job_of[r]] == RUNNING && !WATCHED(job_of[r]) -> \
      begin(n, BEGIN, job_of[r], r) } \
  :: atomic { runner[r] == EXITED && SERVES(n) && (!IS_TOKEN(r) || IS_OVER(job_of[r])) -> runner[r] = AWAY } \
  :: atomic { runner[r] == EXITED && SERVES(n) && IS_TOKEN(r) && state[job_of[r]] == RUNNING -> \
      begin(n, END, job_of[r], r) }

proctype Runner(byte r) {
  do
  RUNNER_STEPS(0)
  RUNNER_STEPS(1)
#if NODES > 2
  RUNNER_STEPS(2)
#endif
#ifdef NO_ANSWER
  :: atomic { runner[r] == BORN || runner[r] == ANSWERED ->
#else
  :: atomic { runner[r] == ANSWERED -> /* step exec */
#endif
      runner[r] = ACTING; acting++; starts[job_of[r]]++;
      assert(starts[job_of[r]] == 1);
      assert(acting == 1)
    }
  :: atomic { runner[r] == ACTING -> runner[r] = EXITED; acting-- }
  od
}

inline machine(n) { /* what runs on it is gone with it */
  i = 1;
  do
  :: i <= RUNS ->
    if :: LIVES(i) && home[i] == n -> away(i) :: else fi;
    i++
  :: else -> i = 0; break
  od
}

inline die(n) {
  up[n] = false; starting[n] = false; budget--;
  if
  :: fly[n].what != IDLE && fly[n].what != SPAWN ->
    left[n].what = fly[n].what; left[n].job = fly[n].job; left[n].whose = fly[n].whose;
    left[n].good = fly[n].good
  :: else
  fi;
  none(fly[n])
}

/* step dead: what lived by the lease has ended by its deadline */
inline dead(n) {
  lease[n] = DEAD; i = 0;
  do
  :: i < JOBS ->
    if
    :: state[i] == RUNNING && watcher[i] == n ->
      lost[i] = true;
      if :: BY_DEADLINE(token[i]) -> away(token[i]) :: else fi
    :: else
    fi;
    i++
  :: else -> i = 0; break
  od
}

#if NODES > 2
#define ANOTHER_STAYS (gone[0] + gone[1] + gone[2] < NODES - 1)
#else
#define ANOTHER_STAYS (gone[0] + gone[1] < NODES - 1)
#endif
#define UNNAMED(j, n) (state[j] == RUNNING && watcher[j] == n && !lost[j])
#define WORLD_STEPS(n) \
  :: atomic { budget && up[n] && left[n].what == IDLE -> die(n) } \
  :: atomic { budget && up[n] && left[n].what == IDLE -> \
      die(n); machine(n); if :: ANOTHER_STAYS -> gone[n] = true :: true fi } \
  :: atomic { !up[n] && !gone[n] -> up[n] = true; starting[n] = true } \
  :: atomic { lease[n] == HELD && !up[n] -> lease[n] = GONE_BY } \
  :: atomic { lease[n] == HELD && up[n] && budget -> lease[n] = GONE_BY; budget-- } \
  :: atomic { lease[n] == GONE_BY || (lease[n] == DEAD && (UNNAMED(0, n) || UNNAMED(1, n))) -> dead(n) }

proctype World() {
  byte i;
  do
  WORLD_STEPS(0)
  WORLD_STEPS(1)
#if NODES > 2
  WORLD_STEPS(2)
#endif
  od
}

/* Nobody has anything left to do. */
proctype Last() {
  timeout ->
  assert(IS_OVER(0) && (state[0] == ENDED || IS_OVER(1)))
}

init {
  byte i = 1;
  atomic {
    state[0] = QUEUED;
    run Node(0); run Node(1); run World(); run Last();
#if NODES > 2
    run Node(2);
#endif
    do
    :: i <= RUNS -> run Runner(i); i++
    :: else -> break
    od
  }
}
