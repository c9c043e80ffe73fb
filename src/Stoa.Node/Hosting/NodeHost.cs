using System.Diagnostics;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Stoa.Market.Identity;
using Stoa.Node.Auctions;
using Stoa.Node.Audit;
using Stoa.Node.Builds;
using Stoa.Node.Channels;
using Stoa.Node.Disputes;
using Stoa.Node.Events;
using Stoa.Node.Http;
using Stoa.Node.Http.OpenApi;
using Stoa.Node.Identity;
using Stoa.Node.Inference;
using Stoa.Node.Inference.Gateway;
using Stoa.Node.Inference.Replicas;
using Stoa.Node.Inference.Routes;
using Stoa.Node.Inference.Sales;
using Stoa.Node.Ledger;
using Stoa.Node.Mail;
using Stoa.Node.Membership;
using Stoa.Node.Messages;
using Stoa.Node.Metering;
using Stoa.Node.Network;
using Stoa.Node.Observability;
using Stoa.Node.Pages;
using Stoa.Node.Payments;
using Stoa.Node.PayPerCall;
using Stoa.Node.Plans;
using Stoa.Node.Privacy;
using Stoa.Node.Quotas;
using Stoa.Node.Registry;
using Stoa.Node.Registry.Discovery;
using Stoa.Node.Registry.Goods;
using Stoa.Node.Registry.Offers;
using Stoa.Node.Registry.Replication;
using Stoa.Node.Registry.Resolution;
using Stoa.Node.Registry.Reviews;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Reviews;
using Stoa.Node.Schedules;
using Stoa.Node.Selection;
using Stoa.Node.Signing;
using Stoa.Node.SingleSignOn;
using Stoa.Node.Storage;
using Stoa.Node.Supply;
using Stoa.Node.Tasks;
using Stoa.Node.Tasks.Live;
using Stoa.Node.Templates;
using Stoa.Node.Webhooks;
using Stoa.Node.Workflows;
using Stoa.Node.Workflows.Durable;

namespace Stoa.Node.Hosting;

/// <summary>A node in this process: built, prepared, then started. Dispose of it to stop it.</summary>
public sealed class NodeHost : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ApiKeySecret? _adminKey;
    private readonly long _began;
    private bool _stopped;

    private NodeHost(WebApplication app, ApiKeySecret? adminKey, long began) => (_app, _adminKey, _began) = (app, adminKey, began);

    /// <summary>The wired services, for tests on production wiring.</summary>
    public IServiceProvider Services => _app.Services;

    /// <summary>Wires a node, opens its storage and makes what a first start needs. It does not listen yet.</summary>
    /// <param name="args">Options of the command line; see <see cref="NodeConfiguration"/>.</param>
    /// <param name="physics">Time and chance; null for the machine's own.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="BadOptionsException">Options are wrong.</exception>
    /// <exception cref="StorageUnusableException">The storage cannot be used.</exception>
    public static async Task<NodeHost> BuildAsync(
        IReadOnlyList<string> args, NodePhysics? physics = null, CancellationToken cancellationToken = default)
    {
        var began = Stopwatch.GetTimestamp();
        // Schemas of strangers bring patterns of their own, and none may be matched for ever. Heeded when the process has made no pattern yet.
        AppContext.SetData("REGEX_DEFAULT_MATCH_TIMEOUT", TimeSpan.FromSeconds(1));
        physics ??= NodePhysics.Real;
        // The empty builder wires nothing on its own: what a node does at start is what is written here.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "Stoa.Node" });
        builder.Configuration.AddNodeConfiguration(args);
        var node = builder.AddHosting(physics);
        builder.AddObservability();
        builder.AddHttp();
        builder.AddOpenApiDocument();
        builder.AddMail();
        builder.AddIdentity();
        builder.AddAudit();
        builder.AddSigning();
        builder.AddSingleSignOn();
        builder.AddPrivacy();
        builder.AddLedger();
        builder.AddChannels();
        builder.AddPayments();
        builder.AddQuotas();
        builder.AddPlans();
        builder.AddEvents();
        var builds = builder.AddBuilds();
        builder.AddRegistry();
        builder.AddSelection();
        builder.AddMembership();
        builder.AddNetwork();
        builder.AddOffers();
        builder.AddReplication();
        builder.AddSupply();
        builder.AddTasks();
        builder.AddAuctions();
        builder.AddReviews();
        builder.AddDisputes();
        var calls = builder.AddPayPerCall();
        builder.AddTemplates();
        builder.AddWorkflows();
        builder.AddSchedules();
        builder.AddWebhooks();
        builder.AddMessages();
        builder.AddMetering();
        builder.AddInference();
        var storage = builder.AddStorage();
        builder.RefuseBadOptions();

        builder.Services.AddSingleton(new DataFolder(node.DataFolder));
        var database = await builder.OpenStorageAsync(storage, physics, cancellationToken);
        var app = await OrDispose(database, () => Task.FromResult(builder.Build()));
        return await OrDispose(app, async () =>
        {
            var adminKey = await app.Services.GetRequiredService<FirstAdmin>().EnsureAsync(cancellationToken);
            MapRooms(app, builds, calls);
            return new NodeHost(app, adminKey, began);
        });
    }

    /// <summary>Starts the background work, listens, and tells what is to be said of it.</summary>
    public async Task<NodeStarted> StartAsync(CancellationToken cancellationToken = default)
    {
        await _app.StartAsync(cancellationToken);
        var address = _app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First();
        var folder = _app.Services.GetRequiredService<DataFolder>();
        return new NodeStarted(
            new Uri(address),
            folder.FullPath,
            _adminKey?.Text,
            folder.PathOf(FirstAdmin.KeyFileName),
            [.. _app.Services.GetRequiredService<NetworkService>().Addresses.Select(place => place.ToString())],
            Stopwatch.GetElapsedTime(_began));
    }

    /// <summary>Completes when the node is asked to stop, by a signal of the operating system or by the token, and has stopped.</summary>
    public async Task WaitForShutdownAsync(CancellationToken cancellationToken = default)
    {
        await _app.WaitForShutdownAsync(cancellationToken);
        _stopped = true;
    }

    /// <summary>Stops listening, lets background work come to its end, and closes the storage.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_stopped)
            await _app.StopAsync();
        await _app.DisposeAsync();
    }

    private static void MapRooms(WebApplication app, BuildsOptions builds, PayPerCallOptions calls)
    {
        app.UseHttp();
        app.MapPages();
        app.MapSignOnPages();
        app.MapUsageSchema();
        app.MapStatementSchemas();
        app.MapOpenApiDocument();
        app.MapObservability();
        app.MapSigningKeys();
        app.MapInference();
        var api = app.MapApi();
        api.MapNode();
        api.MapNetwork();
        api.MapIdentity();
        api.MapApiKeys();
        api.MapOrganisations();
        api.MapInvitations();
        api.MapIdentityProviders();
        api.MapSingleSignOn();
        api.MapAudit();
        api.MapSigning();
        api.MapPrivacy();
        api.MapLedger();
        api.MapChannels();
        api.MapPayments();
        api.MapPayouts();
        api.MapQuotas();
        api.MapPlans();
        api.MapCredit();
        api.MapCoupons();
        api.MapEvents();
        api.MapBuilds(builds);
        api.MapWithdrawals();
        api.MapRegistry();
        api.MapListings();
        api.MapListingReviews();
        api.MapOwnListings();
        api.MapOffers();
        api.MapSuppliers();
        api.MapReplicas();
        api.MapRoutes();
        api.MapStatements();
        api.MapSigners();
        api.MapListingVersions();
        api.MapContradictions();
        api.MapRecommendations();
        api.MapGoods();
        api.MapTasks();
        api.MapSealing();
        api.MapAuctions();
        api.MapBidding();
        api.MapLogs();
        api.MapBatches();
        api.MapReplays();
        api.MapReviews();
        api.MapDisputes();
        api.MapPayPerCall(calls);
        api.MapAnswerSales();
        api.MapTemplates();
        api.MapWorkflows();
        api.MapWorkflowRuns();
        api.MapSchedules();
        api.MapWebhooks();
        api.MapMailboxes();
        api.MapMessages();
        api.MapTopics();
        api.MapUsage();
        api.MapBudgets();
    }

    private static async Task<T> OrDispose<T>(IAsyncDisposable opened, Func<Task<T>> act)
    {
        try
        {
            return await act();
        }
        catch
        {
            await opened.DisposeAsync();
            throw;
        }
    }
}
