using Stoa.Node.Registry.Statements;

namespace Stoa.Node.Registry.Offers;

/// <summary>Wires what this node tells the network of itself. It comes behind the network, which has to be there first.</summary>
public static class OffersModule
{
    public static void AddOffers(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<SqlOffers>();
        builder.Services.AddSingleton<OwnPrograms>();
        builder.Services.AddSingleton<OwnGoods>();
        builder.Services.AddSingleton<NodeStatements>();
        builder.Services.AddSingleton<NodeOffers>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<NodeOffers>());
        builder.Services.AddHostedService<ProvidedContents>();
        builder.Services.AddSingleton<NodeDisclosures>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<NodeDisclosures>());
    }
}
