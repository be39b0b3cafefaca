/* OneOwner and Takeover of several nodes on one store, as far as time goes: when nothing is left of a command,
 * and when a node may say that its run is lost.
 *
 * A run that was begun lives by the lease of the node that its record names as its watcher.  The runner may ask
 * either of two nodes, either may come to watch, and either may find the run lost: the other's lease is dead,
 * or it watches itself and has not heard of the run for lost_after.  Nothing has to happen: a node that is dead,
 * cut off or slow is one that takes no more steps here.
 *
 * Time is in ticks; what happens between two of them happens in any order.  Requests, answers and commits may be
 * lost or take as long as they like; a commit lands if the record is what its sender has read.  Where sooner is
 * worse it is sooner here: a renewal reaches the store, and who looks there, when it is sent.  A machine that
 * its hypervisor stops does not see that time: PAUSE ticks, of the runner's machine or of the nodes', whenever.
 *
 *! holds
 *! refuted FROM_ANSWER     the runner counts from when the answer came
 *! refuted FROM_RENEWED    a node counts its lease from when it heard that it was renewed
 *! refuted WITHOUT_TTL     stop_before has no ttl in it
 *! refuted WITHOUT_GRACE   stop_before has no cancel_grace in it
 *! refuted WITHOUT_MARGIN  stop_before has no margin in it
 *! refuted LONG_PAUSE      a machine stands still for as long as the margin
 *! refuted TOLD_FIRST      a node tells how long before the record names it
 *! refuted ERROR_COUNTS    a request that failed gives the runner its time anew
 *! refuted DEAF            the runner does not end its command
 *! refuted TAKE_OVER       a lease that is over is taken for a dead one
 *! refuted TAKE_UNSEEN     nobody minds since when the record names the dead node
 *! refuted SHORTER         who waits holds to a shorter lost_after than who told, as after all were started anew
 *! refuted ALIVE_UNSEEN    a watcher minds the last word, not since when the record names it
 */
#define TTL 2
#define GRACE 1
#define MARGIN 2
#define LOST 6 /* lost_after */
#ifdef SHORTER
#define LOST_TOLD (LOST + MARGIN)
#else
#define LOST_TOLD LOST
#endif
#ifdef LONG_PAUSE
#define PAUSE MARGIN
#else
#define PAUSE (MARGIN - 1)
#endif

#ifdef WITHOUT_TTL
#define STOP_BEFORE (GRACE + MARGIN)
#elif defined(WITHOUT_GRACE)
#define STOP_BEFORE (TTL + MARGIN)
#elif defined(WITHOUT_MARGIN)
#define STOP_BEFORE (GRACE + TTL)
#else
#define STOP_BEFORE (GRACE + TTL + MARGIN)
#endif

/* The most that a runner is told.  Whose lease is as old as that tells it to stop at once, and need not be told
 * from one that is older. */
#define MOST (TTL + LOST_TOLD - STOP_BEFORE)

#define LATER(age, top) age = (age < top -> age + 1 : age)

byte lease[2];   /* how long ago each node sent the renewal by which it acts */
byte still[2];   /* for how long the other one has seen that lease unchanged */
bool watch[2];   /* a commit under way that makes this node the watcher */

byte watcher;    /* of the record */
byte named;      /* for how long the nodes have seen the record name it */
byte heard;      /* how long ago the watcher has heard the run */
bool over;       /* the run was found lost */
#ifdef FROM_RENEWED
bool sent[2];    /* a renewal is under way */
#endif
#ifdef ALIVE_UNSEEN
byte word[2];    /* how long ago each node was asked */
#endif

bool lives = true; /* the command */
short left = MOST; /* until the runner sends TERM; below zero: how long ago it did */
byte asked;        /* the node whose answer counts, and 1; 0: the runner has asked nobody */
byte ago;          /* ... how long ago; counted until it is answered */
bool answered;
short told;        /* ... what is left of stop_in by then */
byte pauses = PAUSE;

inline change() {
  named = 0; heard = 0;
  watch[0] = false; watch[1] = false
}

inline forget() { asked = 0; ago = 0; answered = false; told = 0 }

#ifdef TAKE_UNSEEN
#define NAMED_LONG true
#else
#define NAMED_LONG (named >= LOST)
#endif
#ifdef ALIVE_UNSEEN
#define UNHEARD(n) (word[n] >= LOST)
#else
#define UNHEARD(n) (heard >= LOST && NAMED_LONG)
#endif
#ifdef TAKE_OVER
#define DEAD(n) (still[n] >= TTL && NAMED_LONG)
#else
#define DEAD(n) (still[n] >= LOST && NAMED_LONG)
#endif
#ifdef TOLD_FIRST
#define MAY_TELL(n) true
#else
#define MAY_TELL(n) (watcher == n)
#endif

proctype Node(byte n) {
  do
  /* step renew */
#ifdef FROM_RENEWED
  :: atomic { !over && !sent[n] -> sent[n] = true; still[n] = 0 }
  :: atomic { sent[n] -> sent[n] = false; lease[n] = 0 }
#else
  :: atomic { !over -> lease[n] = 0; still[n] = 0 }
#endif

  /* step watch: for a request, for one that comes late, for a restart: at any time here, and under any lease */
  :: atomic { !over && watcher != n && !watch[n] -> watch[n] = true;
#ifdef ALIVE_UNSEEN
      word[n] = 0
#endif
    }
  :: atomic { watch[n] -> watcher = n; change() }

  /* step tell: how long the runner may go on, by what the store shows */
  :: atomic { asked == n + 1 && !answered && MAY_TELL(n) ->
      answered = true; heard = 0;
#ifdef ALIVE_UNSEEN
      word[n] = 0;
#endif
#ifdef FROM_ANSWER
      told = MOST - lease[n];
#else
      told = MOST - lease[n] - ago;
#endif
      ago = 0
    }

  /* step lose: the other's lease is dead, or it is ours and the run is silent.  Nothing is left of the command
   * when that is decided, however late it lands: from here on a retry may begin, anywhere. */
  :: atomic { !over && watcher != n && DEAD(1 - n) -> assert(!lives); over = true }
  :: atomic { !over && watcher == n && UNHEARD(n) -> assert(!lives); over = true }
  od
}

proctype Runner() {
  do
  /* step ask */
  :: atomic { lives && !over && !asked -> asked = 1 }
  :: atomic { lives && !over && !asked -> asked = 2 }
  :: atomic { lives && asked && answered -> left = (left > 0 -> told : left); forget() }
  :: atomic { lives && asked -> /* it failed, or the runner waits no longer */
#ifdef ERROR_COUNTS
      left = MOST;
#endif
      forget()
    }
  /* step stop: TERM when nothing is left, KILL after the grace */
  :: atomic { lives && left <= -GRACE -> lives = false; left = 0; forget() }
  od
}

inline pass(stands) { /* "stands": the machine that does not see it: a node's, 2: the runner's, 3: none */
  if :: stands != 0 -> LATER(lease[0], MOST) :: else fi;
  if :: stands != 1 -> LATER(lease[1], MOST) :: else fi;
  if
  :: stands != 2 && lives ->
    left = (left > -GRACE -> left - 1 : left);
    if
    :: asked && !answered -> LATER(ago, MOST)
#ifndef FROM_ANSWER
    :: answered -> told = (told > -GRACE -> told - 1 : told)
#endif
    :: else
    fi
  :: else
  fi;
  LATER(still[0], LOST); LATER(still[1], LOST);
#ifdef ALIVE_UNSEEN
  LATER(word[0], LOST); LATER(word[1], LOST);
#endif
  LATER(named, LOST); LATER(heard, LOST)
}

#ifdef DEAF
#define DUE false
#else
#define DUE (lives && left <= -GRACE)
#endif

proctype Time() {
  do
  :: atomic { !over && !DUE -> pass(3) }
  :: atomic { !over && !DUE && lives && pauses -> pauses--; pass(0) }
  :: atomic { !over && !DUE && lives && pauses -> pauses--; pass(1) }
  :: atomic { !over && lives && pauses -> pauses--; pass(2) }
  od
}

/* Node 0 watches, and the acknowledgement of `running` has just come from there. */
init {
  atomic {
    lease[1] = MOST;
    run Node(0); run Node(1); run Runner(); run Time()
  }
}
