// Vectors of LANES games, one game a lane: random numbers, exponentials, and rows of tables.

#pragma once

#include <cstdint>

namespace {

constexpr int LANES = 16;
constexpr int LARGEST_SELECT = 8;  // rows up to which selects beat indexed loads
typedef float Floats __attribute__((vector_size(4 * LANES)));
typedef int32_t Ints __attribute__((vector_size(4 * LANES)));
typedef uint32_t Words __attribute__((vector_size(4 * LANES)));
const Ints LANE = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

struct Streams {
  Words a, b, c, d;
};

inline Words rotated(Words x, int by) { return (x << by) | (x >> (32 - by)); }

// xoshiro128++ (Blackman and Vigna 2021); the upper 24 bits of each word.
inline Floats uniform(Streams& s) {
  Words word = rotated(s.a + s.d, 7) + s.a, shifted = s.b << 9;
  s.c ^= s.a;
  s.d ^= s.b;
  s.b ^= s.c;
  s.a ^= s.d;
  s.c ^= shifted;
  s.d = rotated(s.d, 11);
  return __builtin_convertvector((Ints)(word >> 8), Floats) * 0x1p-24f;
}

// e^x for x <= 0 (or a rounding above), to about 2e-7; 0 below the smallest normal number.
inline Floats exponential(Floats x) {
  Floats scaled = x * 1.44269504f;
  scaled = scaled > -126.0f ? scaled : Floats{} - 126.0f;
  Ints whole = __builtin_convertvector(scaled - 0.5f, Ints);  // rounds toward zero: the nearest whole number, as x <= 0
  Floats r = (scaled - __builtin_convertvector(whole, Floats)) * 0.693147181f;
  Floats p = r * (1.0f / 720) + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  Floats result = p * (Floats)((whole + 127) << 23);
  return x > -87.0f ? result : Floats{};
}

inline Floats larger(Floats x, Floats y) { return x > y ? x : y; }

// In each lane, row `index` of a table [count, a]; `a` is known to the compiler wherever it matters.
inline void take_row(Floats* row, const Floats* table, Ints index, int64_t count, int64_t a) {
  if (count <= LARGEST_SELECT) {
    for (int64_t x = 0; x < a; ++x) row[x] = table[x];
    for (int64_t k = 1; k < count; ++k) {
      const Ints here = index == (Ints{} + (int32_t)k);
      for (int64_t x = 0; x < a; ++x) row[x] = here ? table[k * a + x] : row[x];
    }
    return;
  }
  const float* flat = reinterpret_cast<const float*>(table);
  const Ints place = index * (int32_t)(a * LANES) + LANE;
  for (int64_t x = 0; x < a; ++x) {
    Floats taken;
    for (int lane = 0; lane < LANES; ++lane) taken[lane] = flat[place[lane] + x * LANES];
    row[x] = taken;
  }
}

inline void put_row(const Floats* row, Floats* table, Ints index, int64_t count, int64_t a) {
  if (count <= LARGEST_SELECT) {
    for (int64_t k = 0; k < count; ++k) {
      const Ints here = index == (Ints{} + (int32_t)k);
      for (int64_t x = 0; x < a; ++x) table[k * a + x] = here ? row[x] : table[k * a + x];
    }
    return;
  }
  float* flat = reinterpret_cast<float*>(table);
  const Ints place = index * (int32_t)(a * LANES) + LANE;
  for (int64_t x = 0; x < a; ++x) {
    const Floats value = row[x];
    for (int lane = 0; lane < LANES; ++lane) flat[place[lane] + x * LANES] = value[lane];
  }
}

}  // namespace
