// The one place that includes Catch2, so that the tests build with its major versions 2 and 3.
//
// TEST_CASE, SECTION, REQUIRE, CHECK, REQUIRE_THROWS_AS and INFO read the same in both; Approx is
// brought to Catch::Approx.  main() comes from the library Catch2WithMain.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
