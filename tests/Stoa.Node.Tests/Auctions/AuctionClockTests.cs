using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Hosting;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Auctions;

[Trait("speed", "slow")]
public sealed class AuctionClockTests
{
    private const string Work = "text.echo";
    private const int WindowMs = 500;

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public async Task Auction_WhileWhichTheClockIsSet_IsDecidedAtTheEndOfItsWindow(int hours)
    {
        var stop = TestContext.Current.CancellationToken;
        var time = new SettableTime(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(null, new NodePhysics(time, new SecureRandom()));
        await TestNode.PublishAsync(node.Client, "agent", GuestPrograms.Echo, capability: Work);
        var request = new SubmitTaskRequest(
            Input: new TaskInputBody(Text: "hello"), MaxPrice: "1", Requirement: new RequirementBody([Work]), Auction: new AuctionTermsBody(WindowMs));

        var task = await node.Client.SubmitAsync(request, cancellationToken: stop);
        time.Advance(TimeSpan.FromHours(hours));

        (await node.Client.WaitForTaskAsync(task.Id, cancellationToken: stop).WaitAsync(TimeSpan.FromSeconds(30), stop)).State.ShouldBe("succeeded");
    }
}
