// Package load makes calls that nobody asks for, as the people of an office would: who calls whom, how it ends, and what they do meanwhile.
//
// A Generator is pure: Step takes the time, and returns what is to happen at that moment; Next is when it wants to be asked again. Calls come
// at random (a Poisson process), and so does all else; the same seed and the same steps give the same inputs. It brings its own contexts
// (load.conf) and endpoints, so that it needs nothing of the user's dialplan, and leaves it alone.
//
// What is done with a call while it lasts, a deed, is planned when the call begins and carried out if the call is still there and fit for
// it. At most maxDeeds are planned; those beyond are left out and counted, as are calls that would be made more than maxLate too late.
package load
