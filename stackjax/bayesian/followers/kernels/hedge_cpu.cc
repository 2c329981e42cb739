// Rounds of multiplicative weights on sampled payoffs (Brero et al. 2023, Algorithm 2), many games at once, on a CPU.
//
// The same rounds as `stackjax.bayesian.followers.equilibrate` runs in a scan, from the same streams of random numbers. A scan writes every
// intermediate of a round to memory; here LANES games go through all their rounds before the next ones begin, their
// tables side by side in the cache and what a round needs in vector registers.
//
// Arrays have the games last, [rows, B]; a vmap adds axes in front, which are looped over.

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include "lanes.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace {

constexpr int MOST_FOLLOWERS = 16, MOST_ACTIONS = 64, MOST_TYPE_PROFILES = 1024, MOST_ROWS = 1 << 18;

struct Shape {
  int64_t num_followers, num_profiles, batch, num_rounds;
  std::vector<int64_t> num_types, num_actions;
  std::vector<int64_t> strategy_row, payoff_row, num_columns;  // where a follower's rows begin; plays of the others
  std::vector<int64_t> reciprocal;                             // of num_types, times 2^16
  int64_t strategy_rows, payoff_rows, cells;
};

// LANES games from first round to last. All tables are [rows] of LANES.
template <int STATIC_ACTIONS>
void play_rounds(const Shape& shape, Floats* logs, Floats* residue, Streams& streams, const Floats* payoffs, const Floats* bounds,
                 Floats rate, Floats* counts) {
  constexpr int SIZE = STATIC_ACTIONS ? STATIC_ACTIONS : MOST_ACTIONS;
  const int64_t n = shape.num_followers;
  Ints types[MOST_FOLLOWERS], actions[MOST_FOLLOWERS], zero{};
  Floats own[MOST_FOLLOWERS * SIZE], sums[SIZE];
  for (int64_t round = 0; round < shape.num_rounds; ++round) {
    Floats u = uniform(streams) * bounds[shape.num_profiles - 1];
    Ints profile = zero;
    for (int64_t p = 0; p + 1 < shape.num_profiles; ++p) profile -= (Ints)(u >= bounds[p]);
    Ints rest = profile;
    for (int64_t i = n - 1; i >= 0; --i) {
      Ints quotient = (rest * (int32_t)shape.reciprocal[i]) >> 16;
      types[i] = rest - quotient * (int32_t)shape.num_types[i];
      rest = quotient;
    }
    Floats* row = own;
    for (int64_t i = 0; i < n; ++i) {
      const int64_t a = STATIC_ACTIONS ? STATIC_ACTIONS : shape.num_actions[i];
      const Floats* table = logs + shape.strategy_row[i];
      Floats total{};
      take_row(row, table, types[i], shape.num_types[i], a);
      for (int64_t x = 0; x < a; ++x) {
        total += exponential(row[x]);
        sums[x] = total;
      }
      Floats threshold = uniform(streams) * total;
      Ints action = zero;
      for (int64_t x = 0; x + 1 < a; ++x) action -= (Ints)(threshold >= sums[x]);
      actions[i] = action;
      row += a;
    }
    row = own;
    for (int64_t i = 0; i < n; ++i) {
      const int64_t a = STATIC_ACTIONS ? STATIC_ACTIONS : shape.num_actions[i];
      Ints place = profile;
      for (int64_t j = 0; j < n; ++j)
        if (j != i) place = place * (int32_t)shape.num_actions[j] + actions[j];
      Floats gains[SIZE], lost[SIZE];
      take_row(gains, payoffs + shape.payoff_row[i], place, shape.num_profiles * shape.num_columns[i], a);
      take_row(lost, residue + shape.strategy_row[i], types[i], shape.num_types[i], a);
      Floats largest = row[0] + rate * gains[0];
      for (int64_t x = 1; x < a; ++x) largest = larger(largest, row[x] + rate * gains[x]);
      for (int64_t x = 0; x < a; ++x) {  // compensated sums (Kahan)
        Floats wanted = rate * gains[x] - largest + lost[x], sum = row[x] + wanted;
        lost[x] = wanted - (sum - row[x]);
        row[x] = sum;
      }
      put_row(row, logs + shape.strategy_row[i], types[i], shape.num_types[i], a);
      put_row(lost, residue + shape.strategy_row[i], types[i], shape.num_types[i], a);
      row += a;
    }
    if (shape.cells) {
      Ints place = profile;
      for (int64_t i = 0; i < n; ++i) place = place * (int32_t)shape.num_actions[i] + actions[i];
      float* flat = reinterpret_cast<float*>(counts);
      for (int lane = 0; lane < LANES; ++lane) flat[place[lane] * LANES + lane] += 1.0f;
    }
  }
}

// `work(i)` for every i < count, on the caller's thread and on those of the pool that have nothing else to do.
template <typename Work>
void in_parallel(ffi::ThreadPool& pool, int64_t count, Work work) {
  struct Shared {
    std::atomic<int64_t> next{0}, done{0};
    std::mutex mutex;
    std::condition_variable finished;
  };
  auto shared = std::make_shared<Shared>();
  auto take_some = [shared, count, work]() {
    for (int64_t i; (i = shared->next.fetch_add(1)) < count;) {
      work(i);
      if (shared->done.fetch_add(1) + 1 == count) {
        std::lock_guard<std::mutex> lock(shared->mutex);
        shared->finished.notify_all();
      }
    }
  };
  const int64_t helpers = std::min<int64_t>(pool.num_threads(), count) - 1;
  for (int64_t i = 0; i < helpers; ++i) pool.Schedule(decltype(take_some)(take_some));
  take_some();
  std::unique_lock<std::mutex> lock(shared->mutex);
  shared->finished.wait(lock, [&] { return shared->done.load() == count; });
}

int64_t leading(const ffi::AnyBuffer::Dimensions& dims) {
  int64_t size = 1;
  for (size_t i = 0; i + 2 < dims.size(); ++i) size *= dims[i];
  return size;
}

// LANES columns of one copy of a table [copies, rows, batch]; where the batch ends, its last column is repeated.
struct Block {
  int64_t copy, batch, first;

  template <typename T>
  void load(void* rows_of_lanes, const T* table, int64_t rows) const {
    T* block = static_cast<T*>(rows_of_lanes);
    table += copy * rows * batch + first;
    const int64_t last = std::min<int64_t>(LANES, batch - first) - 1;
    for (int64_t r = 0; r < rows; ++r, block += LANES, table += batch)
      if (last == LANES - 1)
        std::memcpy(block, table, LANES * sizeof(T));
      else
        for (int64_t lane = 0; lane < LANES; ++lane) block[lane] = table[std::min(lane, last)];
  }

  template <typename T>
  void store(const void* rows_of_lanes, T* table, int64_t rows) const {
    const T* block = static_cast<const T*>(rows_of_lanes);
    table += copy * rows * batch + first;
    const int64_t width = std::min<int64_t>(LANES, batch - first);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t lane = 0; lane < width; ++lane) table[r * batch + lane] = block[r * LANES + lane];
  }
};

typedef ffi::AnyBuffer::Dimensions Dims;

bool same(Dims a, Dims b) { return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin()); }

// What is wrong with the arguments of `hedge`, or nothing: everything below relies on these sizes.
std::string wrong_shapes(Dims logs, Dims residue, Dims streams, Dims counts, Dims payoffs, Dims bounds, Dims rate,
                         int64_t num_rounds, ffi::Span<const int64_t> num_types, ffi::Span<const int64_t> num_actions) {
  if (num_types.size() != num_actions.size() || num_types.size() < 1 || num_types.size() > MOST_FOLLOWERS)
    return "num_types and num_actions must name the same 1 to 16 followers";
  if (num_rounds < 0) return "num_rounds must be at least 0";
  int64_t rows = 0, profiles = 1, plays = 1, most_types = 1;
  for (size_t i = 0; i < num_types.size(); ++i) {
    if (num_types[i] < 1 || num_types[i] > MOST_TYPE_PROFILES || num_actions[i] < 1 || num_actions[i] > MOST_ACTIONS)
      return "every follower must have 1 to 1024 types and 1 to 64 actions";
    rows += num_types[i] * num_actions[i];
    profiles *= num_types[i];
    plays *= num_actions[i];
    most_types = std::max(most_types, num_types[i]);
    if (profiles > MOST_TYPE_PROFILES || profiles * plays > MOST_ROWS)
      return "there must be at most 1024 type profiles and 2^18 (type, action) profiles";
  }
  if (profiles * most_types >= 1 << 16)  // from there on, to divide by a reciprocal would be one off
    return "(type profiles) * (types of any follower) must be below 2^16";
  const Dims all[] = {logs, residue, streams, counts, payoffs, bounds, rate};
  for (const Dims& dims : all) {
    if (dims.size() < 2 || dims.size() != logs.size()) return "every array must have the same number of axes, at least 2";
    if (!std::equal(dims.begin(), dims.end() - 2, logs.begin())) return "leading axes must be the same in every array";
  }
  const int64_t last = logs.size() - 1, batch = logs[last];
  const auto is = [&](Dims dims, int64_t count) { return dims[last - 1] == count && dims[last] == batch; };
  if (!is(logs, rows) || !is(residue, rows)) return "log-weights and residue must be [sum of types * actions, batch]";
  if (!is(streams, 4)) return "streams must be [4, batch]";
  if (!is(counts, 0) && !is(counts, profiles * plays)) return "play counts must be [(type, action) profiles or 0, batch]";
  if (!is(payoffs, (int64_t)num_types.size() * profiles * plays)) return "payoffs must be [followers * profiles, batch]";
  if (bounds[last - 1] != profiles || (bounds[last] != batch && bounds[last] != 1))
    return "the cumulative prior must be [type profiles, batch or 1]";
  if (rate[last - 1] != 1 || rate[last] != 1) return "the rate must be [1, 1]";
  return "";
}

ffi::Error hedge(ffi::ThreadPool pool, ffi::Buffer<ffi::F32> logs, ffi::Buffer<ffi::F32> residue,
                 ffi::Buffer<ffi::U32> streams, ffi::Buffer<ffi::F32> counts, ffi::Buffer<ffi::F32> payoffs,
                 ffi::Buffer<ffi::F32> bounds, ffi::Buffer<ffi::F32> rate, ffi::ResultBuffer<ffi::F32> logs_out,
                 ffi::ResultBuffer<ffi::F32> residue_out, ffi::ResultBuffer<ffi::U32> streams_out,
                 ffi::ResultBuffer<ffi::F32> counts_out, int64_t num_rounds, ffi::Span<const int64_t> num_types,
                 ffi::Span<const int64_t> num_actions) {
  const std::string problem = wrong_shapes(logs.dimensions(), residue.dimensions(), streams.dimensions(), counts.dimensions(),
                                           payoffs.dimensions(), bounds.dimensions(), rate.dimensions(), num_rounds,
                                           num_types, num_actions);
  if (!problem.empty()) return ffi::Error(ffi::ErrorCode::kInvalidArgument, problem);
  if (!same(logs_out->dimensions(), logs.dimensions()) || !same(residue_out->dimensions(), residue.dimensions()) ||
      !same(streams_out->dimensions(), streams.dimensions()) || !same(counts_out->dimensions(), counts.dimensions()))
    return ffi::Error(ffi::ErrorCode::kInvalidArgument, "a result must have the shape of its argument");
  Shape shape;
  const auto dims = logs.dimensions();
  shape.num_followers = num_types.size();
  shape.num_rounds = num_rounds;
  shape.batch = dims.back();
  shape.strategy_rows = dims[dims.size() - 2];
  shape.cells = counts.dimensions()[dims.size() - 2];
  shape.num_profiles = 1;
  int64_t plays = 1;
  for (size_t i = 0; i < num_types.size(); ++i) {
    shape.num_types.push_back(num_types[i]);
    shape.num_actions.push_back(num_actions[i]);
    shape.reciprocal.push_back(65536 / num_types[i] + 1);
    shape.num_profiles *= num_types[i];
    plays *= num_actions[i];
  }
  int64_t row = 0;
  shape.payoff_rows = 0;
  bool alike = true;
  for (size_t i = 0; i < num_types.size(); ++i) {
    shape.strategy_row.push_back(row);
    row += num_types[i] * num_actions[i];
    shape.num_columns.push_back(plays / num_actions[i]);
    shape.payoff_row.push_back(shape.payoff_rows);
    shape.payoff_rows += shape.num_profiles * plays;
    alike = alike && num_actions[i] == num_actions[0];
  }
  const int64_t copies = leading(dims), batch = shape.batch, blocks = (batch + LANES - 1) / LANES;
  const int64_t prior_batch = bounds.dimensions().back();
  std::atomic<bool> out_of_memory{false};
  in_parallel(pool, copies * blocks, [&](int64_t item) {
    const int64_t copy = item / blocks, first = item % blocks * LANES;
    const int64_t tables = shape.strategy_rows;
    const std::unique_ptr<Floats[]> scratch(
        new (std::nothrow) Floats[2 * tables + shape.payoff_rows + shape.num_profiles + shape.cells]);
    if (!scratch) {  // no exception may leave a thread of the pool
      out_of_memory = true;
      return;
    }
    Floats* my_logs = scratch.get();
    Floats* my_residue = my_logs + tables;
    Floats* my_payoffs = my_residue + tables;
    Floats* my_bounds = my_payoffs + shape.payoff_rows;
    Floats* my_counts = my_bounds + shape.num_profiles;
    Streams my_streams;
    const Block block{copy, batch, first};
    block.load(my_logs, logs.typed_data(), tables);
    block.load(my_residue, residue.typed_data(), tables);
    block.load(my_payoffs, payoffs.typed_data(), shape.payoff_rows);
    Block{copy, prior_batch, prior_batch == 1 ? 0 : first}.load(my_bounds, bounds.typed_data(), shape.num_profiles);
    block.load(my_counts, counts.typed_data(), shape.cells);
    block.load(&my_streams, streams.typed_data(), 4);
    const Floats my_rate = Floats{} + rate.typed_data()[copy];
    const int64_t a = alike ? num_actions[0] : 0;
    auto play = a == 2 ? play_rounds<2> : a == 3 ? play_rounds<3> : a == 4 ? play_rounds<4> : play_rounds<0>;
    play(shape, my_logs, my_residue, my_streams, my_payoffs, my_bounds, my_rate, my_counts);
    block.store(my_logs, logs_out->typed_data(), tables);
    block.store(my_residue, residue_out->typed_data(), tables);
    block.store(&my_streams, streams_out->typed_data(), 4);
    block.store(my_counts, counts_out->typed_data(), shape.cells);
  });
  return out_of_memory ? ffi::Error(ffi::ErrorCode::kResourceExhausted, "no memory for the tables of a block of games")
                       : ffi::Error::Success();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(stackjax_hedge, hedge,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<ffi::Buffer<ffi::F32>>()  // log-weights [Σ K A, B]
                                  .Arg<ffi::Buffer<ffi::F32>>()  // their residue
                                  .Arg<ffi::Buffer<ffi::U32>>()  // streams [4, B]
                                  .Arg<ffi::Buffer<ffi::F32>>()  // play counts [P M or 0, B]
                                  .Arg<ffi::Buffer<ffi::F32>>()  // scaled payoffs [N P M, B]
                                  .Arg<ffi::Buffer<ffi::F32>>()  // cumulative prior [P, B or 1]
                                  .Arg<ffi::Buffer<ffi::F32>>()  // ln(1 + ε) [1, 1]
                                  .Ret<ffi::Buffer<ffi::F32>>()
                                  .Ret<ffi::Buffer<ffi::F32>>()
                                  .Ret<ffi::Buffer<ffi::U32>>()
                                  .Ret<ffi::Buffer<ffi::F32>>()
                                  .Attr<int64_t>("num_rounds")
                                  .Attr<ffi::Span<const int64_t>>("num_types")
                                  .Attr<ffi::Span<const int64_t>>("num_actions"));
