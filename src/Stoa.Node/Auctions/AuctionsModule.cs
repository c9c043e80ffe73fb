using Stoa.Market.Auctions;
using Stoa.Market.Builds;
using Stoa.Market.Ledger;
using Stoa.Market.Membership;
using Stoa.Market.Tasks;
using Stoa.Node.Hosting;
using Stoa.Primitives;
using Stoa.Wasm;

namespace Stoa.Node.Auctions;

/// <summary>Wires auctions into the node.</summary>
public static class AuctionsModule
{
    private const int CachedPrograms = 64;

    public static void AddAuctions(this IHostApplicationBuilder builder)
    {
        var options = builder.AddRoomOptions("Auctions", new AuctionsOptions(), options => options.Validate());
        var services = builder.Services;
        services.AddSingleton<SqlAuctionStore>();
        services.AddSingleton<SqlBiddingStore>();
        services.AddSingleton<IBiddingStore>(provider => provider.GetRequiredService<SqlBiddingStore>());
        services.AddSingleton<OpenedAuctions>();
        services.AddSingleton(provider => new OpenAuction(
            provider.GetRequiredService<IBiddingStore>(), options.ToPolicy(), options.MaxOpenPerConsumer, provider.GetRequiredService<LeaseHolder>(), provider.GetRequiredService<IdSource>()));
        services.AddSingleton(provider => new CloseAuction(
            provider.GetRequiredService<PrivateKey>(), provider.GetRequiredService<SystemAccounts>().Clearing, provider.GetRequiredService<IdSource>()));
        services.AddSingleton(provider => new PolicyBids(
            new AgentPrograms(provider.GetRequiredService<Engine>(), provider.GetRequiredService<IContentStore>(), CachedPrograms),
            provider.GetRequiredService<SqlBiddingStore>(),
            provider.GetRequiredService<PrivateKey>(),
            options,
            provider.GetRequiredService<IdSource>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<PolicyBids>>()));
        services.AddHostedService<AuctionRunner>();
    }
}
