using Stoa.Node.Background;

namespace Stoa.Node.Tests.Background;

/// <summary>Rounds of workers.</summary>
public sealed class EachByItselfTests
{
    [Fact]
    public async Task Round_WithOneThatFails_DoesTheOthersAndTells()
    {
        var (done, told) = (new List<int>(), new List<(int, string)>());

        var count = await EachByItself.DoAsync(
            [1, 2, 3],
            async number =>
            {
                await Task.Yield();
                if (number == 2)
                    throw new FormatException("two");
                done.Add(number);
            },
            (number, failure) => told.Add((number, failure.Message)),
            TestContext.Current.CancellationToken);

        (count, done, told).ShouldSatisfyAllConditions(() => count.ShouldBe(2), () => done.ShouldBe([1, 3]), () => told.ShouldBe([(2, "two")]));
    }

    [Fact]
    public async Task Round_ThatIsStopped_BeginsNoMore()
    {
        using var stop = new CancellationTokenSource();
        var begun = 0;

        await Should.ThrowAsync<OperationCanceledException>(() => EachByItself.DoAsync(
            [1, 2, 3],
            async _ =>
            {
                begun++;
                await stop.CancelAsync();
                stop.Token.ThrowIfCancellationRequested();
            },
            (_, _) => Assert.Fail("It did not fail."),
            stop.Token));

        begun.ShouldBe(1);
    }
}
