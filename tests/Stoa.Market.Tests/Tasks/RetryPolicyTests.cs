using FsCheck;
using FsCheck.Fluent;
using Stoa.Market.Tasks;

namespace Stoa.Market.Tests.Tasks;

public sealed class RetryPolicyTests
{
    private static readonly RetryPolicy Policy = new();

    public static TheoryData<FailureCode> FinalCodes() => [.. Enum.GetValues<FailureCode>().Where(code => !RetryPolicy.IsTransient(code))];

    [Theory]
    [InlineData(FailureCode.AgentUnavailable)]
    [InlineData(FailureCode.StorageUnavailable)]
    public void TransientFailure_OnTheThirdAttempt_IsFinal(FailureCode code)
    {
        var task = TaskSamples.Queued();
        for (var attempt = 1; attempt <= 2; attempt++)
        {
            task = Policy.AfterFailure(task.Claim("n/b", TaskSamples.Now), TaskSamples.Failure(code), TaskSamples.Now, new Random(attempt));
            task.State.ShouldBeOfType<TaskState.Queued>();
        }

        task = Policy.AfterFailure(task.Claim("n/b", TaskSamples.Now), TaskSamples.Failure(code), TaskSamples.Now, new Random(3));

        task.Attempts.ShouldBe(3);
        task.State.ShouldBeOfType<TaskState.Failed>().Failure.Detail.ShouldContain("attempt 3 of 3");
    }

    [Theory]
    [MemberData(nameof(FinalCodes))]
    public void DeterministicFailure_OnTheFirstAttempt_IsFinal(FailureCode code) =>
        Policy.AfterFailure(TaskSamples.Running(), TaskSamples.Failure(code), TaskSamples.Now, new Random(1))
            .State.ShouldBeOfType<TaskState.Failed>().Failure.Code.ShouldBe(code);

    [Fact]
    public void Delay_AfterAnyNumberOfAttempts_LiesBetweenNothingAndItsCap() => Prop.ForAll(
        Gen.Choose(1, 1_000).ToArbitrary(),
        Gen.Choose(0, int.MaxValue).ToArbitrary(),
        (attempts, seed) =>
        {
            var cap = Math.Min(Math.Pow(2, attempts - 1) * Policy.FirstDelay.TotalSeconds, Policy.MaxDelay.TotalSeconds);
            Policy.DelayAfter(attempts, new Random(seed)).TotalSeconds.ShouldBeInRange(0, cap);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Loss_UpToFiveTimes_GoesBackToTheQueueWithoutCountingAnAttempt()
    {
        var task = TaskSamples.Queued();
        for (var loss = 1; loss <= 5; loss++)
        {
            task = Policy.AfterLoss(task.Claim("n/b", TaskSamples.Now), TaskSamples.Now);
            (task.State.Name, task.Losses, task.Attempts).ShouldBe(("queued", loss, 0));
        }

        task = Policy.AfterLoss(task.Claim("n/b", TaskSamples.Now), TaskSamples.Now);

        task.State.ShouldBeOfType<TaskState.Failed>().Failure.Code.ShouldBe(FailureCode.NodeLost);
    }
}
