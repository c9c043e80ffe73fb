using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Registry.Discovery;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Registry.Discovery;

/// <summary>What is like a listing, and what is used with it, as whoever asks a node sees it.</summary>
public sealed class RecommendationsTests : IAsyncLifetime
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private TestNode _node = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _node = await TestNode.StartAsync(null, "--Discovery:UsedWithConsumers", "2");

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task Similar_IsWhatCanDoTheSame_BestFirst()
    {
        foreach (var (name, capability) in new[] { ("resize", "image.scale"), ("enlarge", "image.scale"), ("rain", "weather.tell") })
            await TestNode.PublishAsync(_node.Client, name, GuestPrograms.Echo, capability: capability);
        var publisher = (await _node.Client.SearchListingsAsync(cancellationToken: Stop)).Items[0].Publisher;

        var similar = await _node.Client.ListSimilarListingsAsync(publisher.Handle!, "resize", cancellationToken: Stop);
        similar[0].Listing.Name.ShouldBe("enlarge");
        similar[0].Likeness.ShouldBeInRange(0.1m, 1m);
        similar.ShouldNotContain(one => one.Listing.Name == "resize");
        (await _node.Client.ListSimilarListingsAsync(publisher.Key, "resize", 1, Stop)).ShouldHaveSingleItem().Listing.Name.ShouldBe("enlarge");
        foreach (var (path, code) in new[] { ("nobody/resize/similar", "notFound"), ($"{publisher.Key}/none/similar", "notFound"), ($"{publisher.Key}/resize/similar?limit=51", "requestInvalid"), ("nobody/resize/used-with", "notFound") })
        {
            using var http = new HttpClient { BaseAddress = _node.Client.Options.Address };
            using var answer = await http.GetAsync("/api/v1/listings/" + path, Stop);
            (await RunningNode.ReadProblemAsync(answer)).Code.ShouldBe(code, path);
        }
    }

    [Fact]
    public async Task UsedWith_IsWhatEnoughConsumersWereChargedFor_AndNotWhatOneAloneHas()
    {
        string[] agents = [await _node.PublishAsync("one", GuestPrograms.Echo), await _node.PublishAsync("two", GuestPrograms.Echo), await _node.PublishAsync("alone", GuestPrograms.Echo)];
        var publisher = AgentReference.Parse(agents[0]).Publisher;
        foreach (var (handle, count) in new[] { ("ann", 3), ("bob", 2) })
        {
            using var consumer = await _node.JoinAsync(handle);
            await _node.Client.DepositAsync(new DepositRequest(handle, "1"), Stop);
            foreach (var agent in agents.Take(count))
            {
                var task = await consumer.SubmitTextAsync(agent, "x", new SubmitOptions { Wait = s_patience }, Stop);
                await Eventually.IsSoAsync(async () => (await consumer.GetTaskAsync(task.Id, Stop)).State == "succeeded");
            }
        }

        var finder = _node.Host.Services.GetRequiredService<UsedWithFinder>();
        IReadOnlyList<ListingResponse> found = [];
        // Usage is added up by itself, some time after the task.
        await Eventually.IsSoAsync(async () =>
        {
            await finder.FindOutAsync(Stop);
            found = await _node.Client.ListUsedWithAsync(publisher, "one", Stop);
            return found.Count > 0;
        });

        found.Select(listing => listing.Name).ShouldBe(["two"]);
        (await _node.Client.ListUsedWithAsync(publisher, "alone", Stop)).ShouldBeEmpty();
    }
}
