;; -*- lexical-binding: t -*-
;; Runs in Emacs with a terminal: opens gdb as a person does by M-x gdb, moves in both directions,
;; and writes where Emacs shows the program after each command to a file.
;; REENACT_TEST_GDB has the command line of M-x gdb, REENACT_TEST_SAID the file.

(defun say (format &rest values)
  (write-region (concat (apply #'format format values) "\n")
                nil (getenv "REENACT_TEST_SAID") t 'quiet))

(defun conversation ()
  (with-current-buffer gud-comint-buffer
    (buffer-substring-no-properties (point-min) (point-max))))


(defun wait-for (what condition)
  (let ((end (+ (float-time) 90)))
    (while (not (funcall condition))
      (when (> (float-time) end)
        (error "%s did not come: %s" what (conversation)))
      (accept-process-output nil 0.05))))

(defun arrow ()
  "File and line of the arrow in the margin."
  (and gud-overlay-arrow-position
       (marker-buffer gud-overlay-arrow-position)
       (with-current-buffer (marker-buffer gud-overlay-arrow-position)
         (format "%s:%d" (file-name-nondirectory buffer-file-name)
                 (line-number-at-pos gud-overlay-arrow-position)))))

(defun tell (command)
  (gud-basic-call command))

(defun move (name action line)
  (funcall action)
  (wait-for name (lambda () (and (equal (arrow) line) (not gud-running))))
  ;; Emacs asks for frames and more at each stop: until nothing comes any more.
  (while (accept-process-output nil 0.5))
  (say "%s %s" name (arrow)))

(run-at-time
 0.2 nil
 (lambda ()
   (setq kill-emacs-query-functions nil)
   (condition-case failure
       (let ((inside (getenv "REENACT_TEST_INSIDE")) (behind (getenv "REENACT_TEST_BEHIND")))
         (gdb (getenv "REENACT_TEST_GDB"))
         (wait-for "the first prompt" (lambda () (string-match-p "(gdb) " (conversation))))
         (while (accept-process-output nil 0.5))
         (tell "handle SIGUSR1 nostop noprint pass")
         (wait-for "an answer" (lambda () (string-match-p "User defined signal" (conversation))))
         (tell "break square")
         (wait-for "the breakpoint" (lambda () (string-match-p "Breakpoint 1 at" (conversation))))
         (move "continue" (lambda () (call-interactively #'gud-cont)) inside)
         (move "next" (lambda () (call-interactively #'gud-next)) behind)
         (move "reverse-continue" (lambda () (tell "reverse-continue")) inside)
         (tell "print value")
         (wait-for "a value" (lambda () (string-match-p "\\$1 = " (conversation))))
         (say "%s" (conversation)))
     (error (say "failed: %S" failure)))
   (kill-emacs 0)))
