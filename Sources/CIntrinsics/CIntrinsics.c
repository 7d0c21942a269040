// The target is its header; a C target needs one file that is compiled.
#include "CIntrinsics.h"
