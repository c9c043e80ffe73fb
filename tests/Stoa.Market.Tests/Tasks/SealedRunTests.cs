using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Primitives;
using Stoa.Primitives.Sealing;

namespace Stoa.Market.Tests.Tasks;

public sealed class SealedRunTests
{
    private static readonly SandboxJob s_job = new(
        ListingName.Parse("stoa/echo@1.0.0"), [new TaskParameter("a", "b"), new TaskParameter("c", "")], new AgentLimits(1_000_000, 1 << 20, 1_000, 1_000, 1_000), Seed: 7, ClockMs: 8);

    private readonly SealedExchange _exchange = SealedExchange.FromSecret(new byte[32], "user_01h2xcejqtf2nbrexx3vqjhp41");
    private readonly Id<AgentTask> _task = TaskSamples.Ids.Next<AgentTask>();
    private readonly ContentHash _artifact = ContentHash.Of("artifact"u8);

    [Fact]
    public void Salt_IsAnotherOneForWhateverTheOutputDependsOn()
    {
        string[] salts =
        [
            Salt(s_job),
            Salt(s_job with { Seed = 8 }),
            Salt(s_job with { ClockMs = 7 }),
            Salt(s_job with { Parameters = [] }),
            Salt(s_job with { Parameters = [new TaskParameter("a", "b"), new TaskParameter("c", "d")] }),
            // The same texts, otherwise put together.
            Salt(s_job with { Parameters = [new TaskParameter("a", "bc"), new TaskParameter("", "")] }),
            Salt(s_job with { Limits = s_job.Limits with { Fuel = 1_000_001 } }),
            Salt(s_job with { Limits = s_job.Limits with { MemoryBytes = 2 << 20 } }),
            Salt(s_job with { Limits = s_job.Limits with { OutputBytes = 1_001 } }),
            Convert.ToHexString(SealedRun.SaltOf(_exchange, TaskSamples.Ids.Next<AgentTask>(), _artifact, s_job)),
            Convert.ToHexString(SealedRun.SaltOf(_exchange, _task, ContentHash.Of("another"u8), s_job)),
        ];

        salts.ShouldBeUnique();
    }

    [Fact]
    public void Salt_IsTheSameForARunAgain_WhichHasMoreTime() =>
        Salt(s_job with { Limits = s_job.Limits with { TimeoutMs = 86_400_000 } }).ShouldBe(Salt(s_job));

    private string Salt(SandboxJob job) => Convert.ToHexString(SealedRun.SaltOf(_exchange, _task, _artifact, job));
}
