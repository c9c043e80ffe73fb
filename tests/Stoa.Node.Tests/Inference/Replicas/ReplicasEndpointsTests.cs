using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Market.Tests.Registry.Goods;
using Stoa.Node.Inference.Local;
using Stoa.Node.Inference.Replicas;
using Stoa.Node.Inference.Routes;
using Stoa.Node.Storage;
using Stoa.Node.Supply.Models;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference.Replicas;

/// <summary>Servers are registered for listed models, when they have what they are said to have.</summary>
public sealed class ReplicasEndpointsTests : IAsyncLifetime
{
    private InferenceNode _node = null!;
    private ListingServer _server = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private StoaClient Client => _node.Node.Client;

    public async ValueTask InitializeAsync()
    {
        _node = await InferenceNode.StartAsync("--Inference:HealthSeconds", "3600", "--Inference:HealthMs", "8000");
        _server = await ListingServer.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _node.DisposeAsync();
    }

    [Fact]
    public async Task Replica_IsAddedWithWhatItsServerAndListingSay_AndServesAtOnce()
    {
        var added = await Client.AddReplicaAsync(
            new AddReplicaRequest(_node.Model, _server.Address, ApiKey: "sk-secret", Region: "eu-central", ServingPrice: new ModelPriceBody("0.5", "0")), Stop);

        added.Id.ShouldStartWith("repl_");
        (added.Model, added.UpstreamModel, added.HasApiKey, added.Weight, added.MaxRequests, added.Region, added.ContextLength, added.IsDraining)
            .ShouldBe((_node.Model, "tiny", true, ReplicaRules.DefaultWeight, ReplicaRules.DefaultMaxRequests, "eu-central", 8_192, false));
        added.Capabilities.ShouldBe(["chat"]);
        (added.ListingPrice, added.ServingPrice).ShouldBe((new ModelPriceBody("1.000000000", "2.000000000"), new ModelPriceBody("0.500000000", "0.000000000")));
        added.Figures.ShouldNotBeNull().Health.ShouldBe("starting");
        _server.Authorizations.ShouldContain("Bearer sk-secret");

        var answer = await Client.AskModelAsync(new ModelQuestion($"{_node.Publisher}/tiny", "Say hello"), cancellationToken: Stop);
        (answer.Text, answer.Model, answer.Replica, answer.InputTokens, answer.OutputTokens, answer.Cost).ShouldBe(("Hello", _node.Model, added.Id, 3, 1, "0.000006500"));
        var shown = await Client.GetReplicaAsync(added.Id, Stop);
        shown.Figures!.Served.ShouldBe(1);
        (await Client.ListReplicasAsync(Stop).ToListAsync(Stop)).ShouldHaveSingleItem().Id.ShouldBe(added.Id);
        var served = (await Client.ListModelsAsync(Stop)).ShouldHaveSingleItem();
        (served.Id, served.Replicas, served.PerMillionInputTokens, served.PerMillionOutputTokens).ShouldBe((_node.Model, 1, "1.500000000", "2.000000000"));
    }

    [Fact]
    public async Task Key_IsShownNowhere()
    {
        var added = await Client.AddReplicaAsync(new AddReplicaRequest(_node.Model, _server.Address, ApiKey: "sk-secret"), Stop);

        foreach (var path in new[] { "/api/v1/replicas", $"/api/v1/replicas/{added.Id}", "/v1/models", "/api/v1/audit" })
            (await _node.Http.GetStringAsync(path, Stop)).ShouldNotContain("sk-secret", customMessage: path);
    }

    [Theory]
    [InlineData("big", "tiny, small")]
    [InlineData(null, "tiny, small")]
    public async Task UpstreamModel_ThatTheServerHasNot_IsRefusedWithThoseThatItHas(string? name, string told)
    {
        _server.Models = ["tiny", "small"];

        var refused = await RefusedAsync(new AddReplicaRequest(_node.Model, _server.Address, name));

        (refused.Code, refused.Problem.Status).ShouldBe(("upstreamModelUnknown", 422));
        refused.Problem.Detail.ShouldContain(told);
        (await Client.ListReplicasAsync(Stop).ToListAsync(Stop)).ShouldBeEmpty();
        (await Client.AddReplicaAsync(new AddReplicaRequest(_node.Model, _server.Address, "small"), Stop)).UpstreamModel.ShouldBe("small");
    }

    [Fact]
    public async Task Server_ThatSaysSomethingElse_IsRefusedWithWhatItSaid()
    {
        var asked = new AddReplicaRequest(_node.Model, _server.Address);
        foreach (var (status, body, told) in new[]
        {
            (401, """{"error":{"message":"Invalid API key","type":"x"}}""", "401. It said: Invalid API key"),
            (404, "not here", "404"),
            (200, "[]", "no list of models"),
            (200, """{"data":[{"id":7}]}""", "no list of models"),
            (302, "", "302"),
        })
        {
            _server.Instead = (status, body);
            var refused = await RefusedAsync(asked);
            (refused.Code, refused.Problem.Status).ShouldBe(("replicaUnreachable", 502));
            refused.Problem.Detail.ShouldContain(told);
        }

        _server.Instead = (200, """{"data":null}""");
        (await RefusedAsync(asked)).Code.ShouldBe("upstreamModelUnknown");
    }

    [Fact]
    public async Task Server_ThatIsSilentOrAway_IsRefused_UnlessItIsNotAsked()
    {
        _server.IsSilent = true;
        var refused = await RefusedAsync(new AddReplicaRequest(_node.Model, _server.Address));
        (refused.Code, refused.Problem.Detail.Contains("did not answer in time", StringComparison.Ordinal)).ShouldBe(("replicaUnreachable", true));

        var address = _server.Address;
        await _server.DisposeAsync();
        (await RefusedAsync(new AddReplicaRequest(_node.Model, address))).Code.ShouldBe("replicaUnreachable");
        var unnamed = await RefusedAsync(new AddReplicaRequest(_node.Model, address, SkipCheck: true));
        (unnamed.Code, unnamed.Problem.Errors!.Single().Pointer).ShouldBe(("replicaInvalid", "/upstreamModel"));

        (await Client.AddReplicaAsync(new AddReplicaRequest(_node.Model, address, "tiny", SkipCheck: true), Stop)).UpstreamModel.ShouldBe("tiny");
    }

    [Fact]
    public async Task Request_ThatBreaksTheRules_IsToldEachReason()
    {
        var refused = await RefusedAsync(new AddReplicaRequest(
            "ada/tiny", "ftp://127.0.0.1", new string('m', 257), "two words", "Europe!", 0, 10_001, new ModelPriceBody("-1", "1000001")));

        refused.Code.ShouldBe("replicaInvalid");
        refused.Problem.Errors!.Select(error => error.Pointer).ShouldBe(
            ["/model", "/address", "/upstreamModel", "/apiKey", "/region", "/weight", "/maxRequests", "/servingPrice/perMillionInputTokens", "/servingPrice/perMillionOutputTokens"]);
        foreach (var address in new[] { "http://user:word@127.0.0.1/v1", "http://127.0.0.1/v1?key=1", "http://127.0.0.1/v1#there", "/v1", "http://" + new string('a', 2_050) })
            (await RefusedAsync(new AddReplicaRequest(_node.Model, address))).Problem.Errors!.Single().Pointer.ShouldBe("/address");
        _server.Asked.ShouldBe(0);
    }

    [Fact]
    public async Task Model_ThatIsNotListed_IsRefused()
    {
        foreach (var model in new[] { $"{_node.Publisher}/tiny@2.0.0", $"{_node.Publisher}/other@1.0.0", "nobody/tiny@1.0.0" })
            (await RefusedAsync(new AddReplicaRequest(model, _server.Address))).Code.ShouldBe("modelNotListed");
        _server.Asked.ShouldBe(0);
    }

    [Fact]
    public async Task Model_OfAPublisherElsewhere_IsServedWhenItIsFree_AndRefusedWhenItIsNot()
    {
        using var key = PrivateKey.Generate();
        var priced = GoodsSamples.Json(ListingKind.Model);
        var free = GoodsSamples.Json(ListingKind.Model, "2.0.0").Replace("\"0.04\"", "\"0\"", StringComparison.Ordinal).Replace("\"0.08\"", "\"0\"", StringComparison.Ordinal);
        var (store, now) = (_node.Node.Host.Services.GetRequiredService<IStatementStore>(), DateTimeOffset.UtcNow);
        await store.RaiseStandingAsync(key.PublicKey.PeerId, SignerStanding.Vouched, Stop);
        (await store.AddAsync(
            [.. new[] { priced, free }.Select(json => Statement.Sign(key, new Hlc(now.ToUnixTimeMilliseconds(), 0), new GoodsStatement(GoodsSamples.Read(json), json)).Value)], now, Stop))
            .ShouldAllBe(outcome => outcome.Refusal == null);
        var name = $"{key.PublicKey.PeerId}/small-thing";

        var refused = await RefusedAsync(new AddReplicaRequest(name + "@1.0.0", _server.Address));
        (refused.Code, refused.Problem.Detail.Contains("0.040000000", StringComparison.Ordinal)).ShouldBe(("publisherElsewhere", true));

        var added = await Client.AddReplicaAsync(new AddReplicaRequest(name + "@2.0.0", _server.Address), Stop);
        (added.Model, added.ListingPrice).ShouldBe((name + "@2.0.0", null));
        (await Client.AskModelAsync(new ModelQuestion(name, "Say hello"), cancellationToken: Stop)).Cost.ShouldBe("0.000000000");
    }

    [Fact]
    public async Task Change_IsCheckedAsAdding_AndAKeyDoesNotGoElsewhere()
    {
        await using var other = await ListingServer.StartAsync();
        var id = (await Client.AddReplicaAsync(new AddReplicaRequest(_node.Model, _server.Address, ApiKey: "sk-secret"), Stop)).Id;

        _server.Instead = (500, "");
        var changed = await Client.UpdateReplicaAsync(id, new UpdateReplicaRequest(Weight: 7, MaxRequests: 3, Region: "us-east"), Stop);
        (changed.Weight, changed.MaxRequests, changed.Region, changed.HasApiKey).ShouldBe((7, 3, "us-east", true));
        (await ChangeRefusedAsync(id, new UpdateReplicaRequest(UpstreamModel: "tiny"))).Code.ShouldBe("replicaUnreachable");
        _server.Instead = null;
        (await ChangeRefusedAsync(id, new UpdateReplicaRequest(UpstreamModel: "big"))).Code.ShouldBe("upstreamModelUnknown");
        _server.Authorizations.ShouldAllBe(authorization => authorization == "Bearer sk-secret");
        var refused = await ChangeRefusedAsync(id, new UpdateReplicaRequest(other.Address));
        (refused.Code, refused.Problem.Errors!.Single().Pointer).ShouldBe(("replicaInvalid", "/apiKey"));
        other.Asked.ShouldBe(0);

        changed = await Client.UpdateReplicaAsync(id, new UpdateReplicaRequest(other.Address, ApiKey: ""), Stop);
        (changed.Address, changed.HasApiKey).ShouldBe((other.Address, false));
        other.Authorizations.ShouldAllBe(authorization => authorization.Length == 0);
        await Client.AskModelAsync(new ModelQuestion(_node.Publisher + "/tiny", "Say hello"), cancellationToken: Stop);
        (_server.Questions, other.Questions).ShouldBe((0, 1));
        (await ChangeRefusedAsync("repl_01h2xcejqtf2nbrexx3vqjhp41", new UpdateReplicaRequest(Weight: 1))).Problem.Status.ShouldBe(404);
    }

    [Fact]
    public async Task Draining_TakesNoMoreRequests_UntilItIsUndone_AndRemovedIsGone()
    {
        var id = (await Client.AddReplicaAsync(new AddReplicaRequest(_node.Model, _server.Address), Stop)).Id;
        var question = new ModelQuestion(_node.Publisher + "/tiny", "Say hello");

        var drained = await Client.DrainReplicaAsync(id, isDraining: true, Stop);
        (drained.IsDraining, drained.Figures!.Health).ShouldBe((true, "draining"));
        (await OnceAsync(question)).ShouldBe("no_replica");

        (await Client.DrainReplicaAsync(id, isDraining: false, Stop)).IsDraining.ShouldBeFalse();
        (await Client.AskModelAsync(question, cancellationToken: Stop)).Text.ShouldBe("Hello");

        await Client.RemoveReplicaAsync(id, Stop);
        (await OnceAsync(question)).ShouldBe("model_not_found");
        (await Should.ThrowAsync<StoaException>(() => Client.RemoveReplicaAsync(id, Stop))).Code.ShouldBe("replicaUnknown");
    }

    [Fact]
    public async Task Replicas_AreForAdministratorsAlone()
    {
        using var ann = await _node.Node.JoinAsync("ann");

        (await Should.ThrowAsync<StoaException>(() => ann.AddReplicaAsync(new AddReplicaRequest(_node.Model, _server.Address), Stop))).Problem.Status.ShouldBe(403);
        (await Should.ThrowAsync<StoaException>(() => ann.ListReplicasAsync(Stop).ToListAsync(Stop).AsTask())).Problem.Status.ShouldBe(403);
        _server.Asked.ShouldBe(0);
    }

    [Fact]
    public async Task Acts_AreInTheAuditLog()
    {
        var id = (await Client.AddReplicaAsync(new AddReplicaRequest(_node.Model, _server.Address), Stop)).Id;
        await Client.DrainReplicaAsync(id, isDraining: true, Stop);

        var log = await _node.Http.GetStringAsync("/api/v1/audit", Stop);
        log.ShouldContain("\"addReplica\"");
        log.ShouldContain("\"drainReplica\"");
        log.ShouldContain(id);
    }

    [Fact]
    public async Task Change_OfAnotherNode_IsKnownHereSoon()
    {
        var id = (await Client.AddReplicaAsync(new AddReplicaRequest(_node.Model, _server.Address), Stop)).Id;
        var fleets = _node.Node.Host.Services.GetRequiredService<ModelFleets>();

        // As another node of the cell does it: nothing at this one is told.
        await _node.Node.Host.Services.GetRequiredService<Database>().WriteAsync(
            async session =>
            {
                await session.ExecuteAsync("UPDATE inference_changes SET number = number + 1");
                await session.ExecuteAsync("UPDATE replicas SET weight = 17 WHERE id = @id", new { id });
            },
            Stop);

        await Eventually.IsSoAsync(() => fleets.All.Single().Replicas.Single().Replica.Weight == 17);
    }

    [Fact]
    public async Task Offer_NamesTheModelsThatAreServed_WhoeverKeepsTheirFiles()
    {
        await using var node = await InferenceNode.StartAsync("--network:listen:0", "/ip4/127.0.0.1/tcp/0", "--network:mdns", "false");
        var client = node.Node.Client;
        var weights = ContentHash.Of("weights"u8).ToString();
        await client.DeleteBlobAsync(weights, Stop);
        await OffersAsync([]);

        var id = (await client.AddReplicaAsync(new AddReplicaRequest(node.Model, _server.Address), Stop)).Id;
        await OffersAsync([weights]);

        await client.RemoveReplicaAsync(id, Stop);
        await OffersAsync([]);

        async Task OffersAsync(string[] models) => await Eventually.IsSoAsync(
            async () => await client.ListOffersAsync(Stop).FirstOrDefaultAsync(offer => offer.IsThisNode, Stop) is { } offer && (offer.Models ?? []).SequenceEqual(models), $"The offer does not say [{string.Join(", ", models)}].");
    }

    [Fact]
    public async Task Registered_IsThereAgainAfterARestart()
    {
        await Client.AddReplicaAsync(new AddReplicaRequest(_node.Model, _server.Address, ApiKey: "sk-secret"), Stop);
        await Client.SetRouteAsync("fast", new SetRouteRequest([new RouteTargetBody(_node.Publisher + "/tiny")]), Stop);

        // What a node does at its start, with nothing in memory.
        var services = _node.Node.Host.Services;
        var fleets = new ModelFleets(services.GetRequiredService<ReplicaChooser>(), new WaitingLimits(1, 1), TimeProvider.System);
        var routes = new ModelRoutes(services.GetRequiredService<SqlRouteStore>(), TimeProvider.System);
        using var directory = new ReplicaDirectory(
            services.GetRequiredService<Database>(), services.GetRequiredService<SqlReplicaStore>(), new LocalReplicas(), new SuppliedReplicas(), fleets, routes, TimeProvider.System,
            NullLogger<ReplicaDirectory>.Instance);
        await directory.RefreshAsync(Stop);

        var replica = fleets.All.ShouldHaveSingleItem().Replicas.ShouldHaveSingleItem().Replica;
        replica.Key.ShouldNotBeNull().Authorization.ShouldBe("Bearer sk-secret");
        replica.ToString().ShouldNotContain("sk-secret");
        var account = (await services.GetRequiredService<IUserStore>().FindByHandleAsync(_node.Publisher, Stop))!.Id;
        (await routes.FindAsync(account, new ModelAddress.ByRoute("fast"), Stop)).ShouldNotBeNull().Name.ShouldBe("fast");
    }

    private async Task<StoaException> RefusedAsync(AddReplicaRequest request)
    {
        using var once = Once();
        return await Should.ThrowAsync<StoaException>(() => once.AddReplicaAsync(request, Stop));
    }

    private async Task<StoaException> ChangeRefusedAsync(string id, UpdateReplicaRequest request)
    {
        using var once = Once();
        return await Should.ThrowAsync<StoaException>(() => once.UpdateReplicaAsync(id, request, Stop));
    }

    private async Task<string> OnceAsync(ModelQuestion question)
    {
        using var once = Once();
        return (await Should.ThrowAsync<StoaException>(() => once.AskModelAsync(question, cancellationToken: Stop))).Code;
    }

    // What is refused for a moment is told at once, not tried again.
    private StoaClient Once() => new(Client.Options with { MaxAttempts = 1 });
}
