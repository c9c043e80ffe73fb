using Stoa.Market.Events;
using Stoa.Node.Hosting;

namespace Stoa.Node.Events;

/// <summary>Wires the event stream.</summary>
public static class EventsModule
{
    public static void AddEvents(this IHostApplicationBuilder builder)
    {
        builder.AddRoomOptions("Events", new EventsOptions(), options => options.Validate());
        var services = builder.Services;
        services.AddSingleton<EventSignal>();
        services.AddSingleton<LiveEvents>();
        services.AddSingleton<IEventStore, SqlEventStore>();
        services.AddSingleton<EventFeed>();
    }
}
