using Stoa.Node.Hosting;

namespace Stoa.Node.Audit;

/// <summary>Wires the audit log.</summary>
public static class AuditModule
{
    public static void AddAudit(this IHostApplicationBuilder builder)
    {
        builder.AddRoomOptions("Audit", new AuditOptions(), options => options.Validate());
        var services = builder.Services;
        services.AddSingleton<SqlAuditBlocks>();
        services.AddSingleton<AuditLog>();
        services.AddHostedService(provider => provider.GetRequiredService<AuditLog>());
        services.AddHostedService<AuditCare>();
    }
}
