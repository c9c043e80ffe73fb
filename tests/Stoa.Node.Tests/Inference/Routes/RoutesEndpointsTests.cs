using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Inference.Routing;
using Stoa.Node.Tests.Inference.Replicas;

namespace Stoa.Node.Tests.Inference.Routes;

/// <summary>Everybody names models by routes of his own, administrators for all, and publishers among the versions of their listings.</summary>
public sealed class RoutesEndpointsTests : IAsyncLifetime
{
    private InferenceNode _node = null!;
    private StoaClient _ann = null!;
    private ListingServer _server = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private StoaClient Admin => _node.Node.Client;

    private string Listing => $"{_node.Publisher}/free";

    public async ValueTask InitializeAsync()
    {
        _node = await InferenceNode.StartAsync("--Inference:HealthSeconds", "3600");
        _ann = await _node.Node.JoinAsync("ann");
        _server = await ListingServer.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _ann.Dispose();
        await _node.DisposeAsync();
    }

    [Fact]
    public async Task Route_StandsForItsModels_ForItsOwnerAlone()
    {
        await ServeAsync("1.0.0");

        var set = await Admin.SetRouteAsync("fast", new SetRouteRequest([new RouteTargetBody(Listing + "@^9"), new RouteTargetBody(Listing, 3)], ["auto:chat"]), Stop);

        set.Targets.ShouldBe([new RouteTargetBody(Listing + "@^9", 1), new RouteTargetBody(Listing, 3)]);
        (set.Name, set.Alternatives.Single(), set.IsForAll).ShouldBe(("fast", "auto:chat", false));
        (await AskAsync(Admin, "fast")).ShouldBe(Listing + "@1.0.0");
        (await RefusedAsync(() => AskAsync(_ann, "fast"))).Code.ShouldBe("model_not_found");
        (await Admin.GetRouteAsync("fast", Stop)).Name.ShouldBe("fast");
        (await RefusedAsync(() => _ann.GetRouteAsync("fast", Stop))).Code.ShouldBe("routeUnknown");
        (await Admin.ListModelsAsync(Stop)).Select(model => model.Id).ShouldBe([Listing + "@1.0.0", "fast"]);

        await Admin.RemoveRouteAsync("fast", cancellationToken: Stop);
        (await RefusedAsync(() => AskAsync(Admin, "fast"))).Code.ShouldBe("model_not_found");
        (await RefusedAsync(() => Admin.RemoveRouteAsync("fast", cancellationToken: Stop))).Code.ShouldBe("routeUnknown");
    }

    [Fact]
    public async Task Route_ForEverybody_IsAnAdministrators_AndComesAfterOnesOwn()
    {
        await ServeAsync("1.0.0");
        await ServeAsync("2.0.0");
        var forAll = new SetRouteRequest([new RouteTargetBody(Listing + "@1.0.0")], IsForAll: true);

        (await RefusedAsync(() => _ann.SetRouteAsync("fast", forAll, Stop))).Code.ShouldBe("routeNotYours");
        await Admin.SetRouteAsync("fast", forAll, Stop);
        (await AskAsync(_ann, "fast")).ShouldBe(Listing + "@1.0.0");

        await _ann.SetRouteAsync("fast", new SetRouteRequest([new RouteTargetBody(Listing + "@2.0.0")]), Stop);
        (await AskAsync(_ann, "fast")).ShouldBe(Listing + "@2.0.0");
        (await AskAsync(Admin, "fast")).ShouldBe(Listing + "@1.0.0");
        (await _ann.ListRoutesAsync(Stop).ToListAsync(Stop)).Select(route => (route.Name, route.IsForAll)).ShouldBe([("fast", false), ("fast", true)]);

        (await RefusedAsync(() => _ann.RemoveRouteAsync("fast", forAll: true, Stop))).Code.ShouldBe("routeNotYours");
        await Admin.RemoveRouteAsync("fast", forAll: true, Stop);
        (await RefusedAsync(() => AskAsync(Admin, "fast"))).Code.ShouldBe("model_not_found");
    }

    [Fact]
    public async Task Route_OfAListing_IsItsPublishers_AndSharesOutWhoNamesNoVersion()
    {
        await ServeAsync("1.0.0");
        await ServeAsync("2.0.0");
        var split = new SetRouteRequest([new RouteTargetBody(Listing + "@1.0.0", 1)]);
        (await AskAsync(_ann, Listing)).ShouldBe(Listing + "@2.0.0");

        (await RefusedAsync(() => _ann.SetRouteAsync(Listing, split, Stop))).Code.ShouldBe("routeNotYours");
        (await RefusedAsync(() => Admin.SetRouteAsync($"{_node.Publisher}/other", split, Stop))).Code.ShouldBe("routeNotYours");
        (await Admin.SetRouteAsync(Listing, split, Stop)).IsForAll.ShouldBeTrue();

        (await AskAsync(_ann, Listing)).ShouldBe(Listing + "@1.0.0");
        (await AskAsync(_ann, Listing + "@2.0.0")).ShouldBe(Listing + "@2.0.0");
        (await _ann.GetRouteAsync(Listing, Stop)).Targets.ShouldHaveSingleItem();
        (await RefusedAsync(() => _ann.RemoveRouteAsync(Listing, cancellationToken: Stop))).Code.ShouldBe("routeUnknown");
        await Admin.RemoveRouteAsync(Listing, cancellationToken: Stop);
        (await AskAsync(_ann, Listing)).ShouldBe(Listing + "@2.0.0");

        foreach (var model in new[] { "auto", "ada/other@1.0.0", "fast" })
        {
            var refused = await RefusedAsync(() => Admin.SetRouteAsync(Listing, new SetRouteRequest([new RouteTargetBody(model)], [model]), Stop));
            (refused.Code, string.Join(' ', refused.Problem.Errors!.Select(error => error.Pointer))).ShouldBe(("routeInvalid", "/targets/0/model /alternatives/0"));
        }
    }

    [Fact]
    public async Task Route_ThatBreaksTheRules_IsToldEachReason()
    {
        var refused = await RefusedAsync(() => _ann.SetRouteAsync(
            "auto:fast", new SetRouteRequest([new RouteTargetBody("other-route"), new RouteTargetBody("ada/tiny", 0), new RouteTargetBody("ada/tiny", ModelRoute.MostWeight + 1)], ["ada/tiny@x.y"]), Stop));

        refused.Code.ShouldBe("routeInvalid");
        refused.Problem.Errors!.Select(error => error.Pointer).ShouldBe(["", "/targets/0/model", "/targets/1/weight", "/targets/2/weight", "/alternatives/0"]);
        var many = Enumerable.Repeat(new RouteTargetBody("auto"), ModelRoute.MostTargets + 1).ToList();
        (await RefusedAsync(() => _ann.SetRouteAsync("fast", new SetRouteRequest([]), Stop))).Problem.Errors!.Single().Pointer.ShouldBe("/targets");
        (await RefusedAsync(() => _ann.SetRouteAsync("fast", new SetRouteRequest(many), Stop))).Problem.Errors!.Single().Pointer.ShouldBe("/targets");
        using var answer = await _node.Http.PutAsync("/api/v1/routes/fast", new StringContent("""{"targets":[null]}""", System.Text.Encoding.UTF8, "application/json"), Stop);
        ((int)answer.StatusCode).ShouldBe(422);
    }

    private async Task ServeAsync(string version)
    {
        await _node.PublishAsync(version, "free", isFree: true);
        await Admin.AddReplicaAsync(new AddReplicaRequest($"{Listing}@{version}", _server.Address), Stop);
    }

    private static async Task<string?> AskAsync(StoaClient who, string model) => (await who.AskModelAsync(new ModelQuestion(model, "Say hello"), cancellationToken: Stop)).Model;

    private static Task<StoaException> RefusedAsync(Func<Task> act) => Should.ThrowAsync<StoaException>(act);
}
