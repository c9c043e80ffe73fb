using Stoa.Node.Hosting;

namespace Stoa.Node.Schedules;

/// <summary>Wires schedules into the node.</summary>
public static class SchedulesModule
{
    public static void AddSchedules(this IHostApplicationBuilder builder)
    {
        builder.AddRoomOptions("Schedules", new SchedulesOptions(), options => options.Validate());
        var services = builder.Services;
        services.AddSingleton<SqlScheduleStore>();
        services.AddSingleton<ScheduledRequest>();
        services.AddSingleton<ScheduleRunner>();
        services.AddHostedService(provider => provider.GetRequiredService<ScheduleRunner>());
    }
}
