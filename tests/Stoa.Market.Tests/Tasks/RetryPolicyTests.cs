using FsCheck;
using FsCheck.Fluent;
using Stoa.Market.Tasks;

namespace Stoa.Market.Tests.Tasks;

public sealed class RetryPolicyTests
{
    private static readonly RetryPolicy s_policy = new();

    public static TheoryData<FailureCode> FinalCodes() => [.. Enum.GetValues<FailureCode>().Where(code => !RetryPolicy.IsTransient(code))];

    // A disk may be full for a while: a task is not lost for that.
    [Theory]
    [InlineData(FailureCode.AgentUnavailable, 3)]
    [InlineData(FailureCode.StorageUnavailable, 3)]
    [InlineData(FailureCode.SupplierFailed, 3)]
    [InlineData(FailureCode.StorageFull, 125)]
    public void TransientFailure_OnTheLastAttempt_IsFinal(FailureCode code, int most)
    {
        var task = TaskSamples.Queued();
        for (var attempt = 1; attempt < most; attempt++)
        {
            task = s_policy.AfterFailure(task.Claim("n/b", TaskSamples.Now), TaskSamples.Failure(code), TaskSamples.Now, new Random(attempt));
            task.State.ShouldBeOfType<TaskState.Queued>();
        }

        task = s_policy.AfterFailure(task.Claim("n/b", TaskSamples.Now), TaskSamples.Failure(code), TaskSamples.Now, new Random(3));

        task.Attempts.ShouldBe(most);
        task.State.ShouldBeOfType<TaskState.Failed>().Failure.Detail.ShouldContain($"attempt {most} of {most}");
    }

    [Theory]
    [MemberData(nameof(FinalCodes))]
    public void DeterministicFailure_OnTheFirstAttempt_IsFinal(FailureCode code) =>
        s_policy.AfterFailure(TaskSamples.Running(), TaskSamples.Failure(code), TaskSamples.Now, new Random(1))
            .State.ShouldBeOfType<TaskState.Failed>().Failure.Code.ShouldBe(code);

    [Fact]
    public void Delay_AfterAnyNumberOfAttempts_LiesBetweenNothingAndItsCap() => Prop.ForAll(
        Gen.Choose(1, 1_000).ToArbitrary(),
        Gen.Choose(0, int.MaxValue).ToArbitrary(),
        (attempts, seed) =>
        {
            var cap = Math.Min(Math.Pow(2, attempts - 1) * s_policy.FirstDelay.TotalSeconds, s_policy.MaxDelay.TotalSeconds);
            s_policy.DelayAfter(attempts, new Random(seed)).TotalSeconds.ShouldBeInRange(0, cap);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void TransientFailure_WhoseNextAttemptWouldComeAfterTheDeadline_IsFinal()
    {
        var task = TaskSamples.Queued() with { DeadlineAt = TaskSamples.Now.AddTicks(1) };

        var ended = s_policy.AfterFailure(
            task.Claim("n/b", TaskSamples.Now), TaskSamples.Failure(FailureCode.AgentUnavailable), TaskSamples.Now, new Random(1));

        ended.State.ShouldBeOfType<TaskState.Failed>().Failure.ShouldSatisfyAllConditions(
            failure => failure.Code.ShouldBe(FailureCode.AgentUnavailable), failure => failure.Detail.ShouldEndWith("after the deadline."));
    }

    [Fact]
    public void Loss_UpToFiveTimes_GoesBackToTheQueueWithoutCountingAnAttempt()
    {
        var task = TaskSamples.Queued();
        for (var loss = 1; loss <= 5; loss++)
        {
            task = s_policy.AfterLoss(task.Claim("n/b", TaskSamples.Now), TaskSamples.Now);
            (task.State.Name, task.Losses, task.Attempts).ShouldBe(("queued", loss, 0));
        }

        task = s_policy.AfterLoss(task.Claim("n/b", TaskSamples.Now), TaskSamples.Now);

        task.State.ShouldBeOfType<TaskState.Failed>().Failure.Code.ShouldBe(FailureCode.NodeLost);
    }
}
