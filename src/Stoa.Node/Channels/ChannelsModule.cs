using Stoa.Market.Ledger;
using Stoa.Node.Hosting;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Channels;

/// <summary>Wires payment channels into the node.</summary>
public static class ChannelsModule
{
    public static void AddChannels(this IHostApplicationBuilder builder)
    {
        builder.AddRoomOptions("Channels", new ChannelsOptions(), options => options.Validate());
        builder.Services.AddSingleton(provider => new SqlChannelStore(
            provider.GetRequiredService<Database>(), provider.GetRequiredService<SystemAccounts>().Clearing, provider.GetRequiredService<IdSource>()));
        builder.Services.AddHostedService<ChannelWorker>();
    }
}
