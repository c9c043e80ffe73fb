using Stoa.Market.Registry;
using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Discovery.Semantic;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Hosting;
using Stoa.Node.Registry.Discovery;
using Stoa.Node.Registry.Discovery.Semantic;
using Stoa.Node.Registry.Goods;
using Stoa.Node.Registry.Reviews;
using Stoa.Node.Registry.Statements;

namespace Stoa.Node.Registry;

/// <summary>Wires the registry room.</summary>
public static class RegistryModule
{
    public static void AddRegistry(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<IAgentStore, SqlAgentStore>();
        builder.Services.AddSingleton<Royalties>();
        builder.Services.AddSingleton<AgentUses>();
        builder.Services.AddSingleton(AdmissionPolicy.Default);
        builder.Services.AddSingleton<IStatementStore, SqlStatementStore>();
        builder.Services.AddSingleton<PublisherStatements>();
        builder.Services.AddSingleton<SqlListings>();
        builder.Services.AddSingleton<SqlSigners>();
        builder.Services.AddSingleton<OwnListings>();
        builder.Services.AddSingleton<SqlNetworkReviews>();
        builder.Services.AddSingleton<GoodsPublications>();
        builder.Services.AddSingleton<ListingBackfill>();
        builder.Services.AddHostedService<StatementCare>();
        builder.Services.AddSingleton<ListingIndex>();
        builder.Services.AddSingleton<ListingFeed>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<ListingFeed>());
        builder.Services.AddSingleton<ListingSearches>();
        builder.AddRoomOptions("Discovery", new DiscoveryOptions(), options => options.Validate());
        builder.AddRoomOptions("Embeddings", new EmbeddingsOptions(), options => options.Validate());
        builder.Services.AddSingleton<EmbeddingModel>();
        builder.Services.AddSingleton<VectorIndex>();
        builder.Services.AddSingleton<QueryEmbeddings>();
        builder.Services.AddSingleton<BlendedIndex>();
        builder.Services.AddSingleton<BlendedSearches>();
        builder.Services.AddSingleton<ListingEmbeddings>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<ListingEmbeddings>());
        builder.Services.AddSingleton<UsedWithFinder>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<UsedWithFinder>());
    }
}
