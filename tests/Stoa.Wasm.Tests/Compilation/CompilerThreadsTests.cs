using Stoa.Wasm.Compilation;
using Stoa.Wasm.Runtime;

namespace Stoa.Wasm.Tests.Compilation;

public sealed class CompilerThreadsTests : IDisposable
{
    private readonly Instance _instance = Samples.Instantiate(Samples.Sum);

    public void Dispose() => _instance.Dispose();

    [Fact]
    public void Jobs_AreAllDone_ByNoMoreThreadsThanThereMayBe()
    {
        const int Jobs = 200;
        var threads = new CompilerThreads(maxThreads: 2, idleMs: 1);
        int running = 0;
        int most = 0;
        var jobs = Enumerable.Range(0, Jobs).Select(number => new CompilationJob(() =>
        {
            int now = Interlocked.Increment(ref running);
            InterlockedMax(ref most, now);
            Thread.Yield();
            Interlocked.Decrement(ref running);
            return number;
        })).ToList();
        foreach (var job in jobs)
        {
            job.TryJoin().ShouldBeTrue();
            threads.Add(job);
        }

        jobs.Select(job => (int)job.Wait(null)).ShouldBe(Enumerable.Range(0, Jobs));
        most.ShouldBeInRange(1, 2);
    }

    [Fact]
    public void Job_ThatNobodyWaitsForWhenItsTurnComes_IsNotDone()
    {
        var threads = new CompilerThreads(maxThreads: 1, idleMs: 1);
        using var go = new ManualResetEventSlim();
        int abandonedRuns = 0;
        var first = Job(() =>
        {
            go.Wait();
            return 1;
        });
        var abandoned = Job(() => ++abandonedRuns);
        var last = Job(() => 3);
        foreach (var job in new[] { first, abandoned, last })
            threads.Add(job);

        using (var interruption = Interruption.Arm(_instance, new CancellationToken(canceled: true)))
            Should.Throw<TrapException>(() => abandoned.Wait(interruption)).Code.ShouldBe(TrapCode.Cancelled);
        go.Set();

        ((int)first.Wait(null)).ShouldBe(1);
        ((int)last.Wait(null)).ShouldBe(3);
        abandonedRuns.ShouldBe(0);
        abandoned.TryJoin().ShouldBeFalse();
    }

    [Fact]
    public void Wait_EndsWhenTheGuestIsToStop_AndTheJobGoesOnForOthers()
    {
        var threads = new CompilerThreads(maxThreads: 1, idleMs: 1);
        using var begun = new ManualResetEventSlim();
        using var go = new ManualResetEventSlim();
        var job = Job(() =>
        {
            begun.Set();
            go.Wait();
            return 7;
        });
        job.TryJoin().ShouldBeTrue();
        threads.Add(job);
        begun.Wait();

        using var cancellation = new CancellationTokenSource();
        using (var interruption = Interruption.Arm(_instance, cancellation.Token))
        {
            var canceller = new Thread(cancellation.Cancel);
            canceller.Start();
            Should.Throw<TrapException>(() => job.Wait(interruption)).Code.ShouldBe(TrapCode.Cancelled);
            canceller.Join();
        }

        go.Set();
        ((int)job.Wait(null)).ShouldBe(7);
    }

    [Fact]
    public void Failure_ReachesWhoWaits()
    {
        var threads = new CompilerThreads(maxThreads: 1, idleMs: 1);
        var failure = new BadImageFormatException();
        var job = Job(() => throw failure);
        threads.Add(job);

        Should.Throw<InvalidOperationException>(() => job.Wait(null)).InnerException.ShouldBeSameAs(failure);
    }

    private static CompilationJob Job(Func<nint> compile)
    {
        var job = new CompilationJob(compile);
        job.TryJoin();
        return job;
    }

    private static void InterlockedMax(ref int most, int value)
    {
        for (int seen = most; seen < value;)
        {
            int before = Interlocked.CompareExchange(ref most, value, seen);
            if (before == seen)
                return;
            seen = before;
        }
    }
}
