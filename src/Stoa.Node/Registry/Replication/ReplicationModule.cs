using System.Security.Cryptography;
using Stoa.Market.Registry.Replication;
using Stoa.Node.Hosting;
using Stoa.Node.Registry.Statements;

namespace Stoa.Node.Registry.Replication;

/// <summary>Wires how statements get from node to node. It comes behind the network, which has to be there first and goes last.</summary>
public static class ReplicationModule
{
    public static void AddReplication(this IHostApplicationBuilder builder)
    {
        builder.AddRoomOptions("Registry", new RegistryOptions(), options => options.Validate());
        builder.Services.AddSingleton<Func<SipKey>>(static () => SipKey.FromBytes(RandomNumberGenerator.GetBytes(SipKey.Size)));
        builder.Services.AddSingleton(provider => new ReplicaIndex(provider.GetRequiredService<Func<SipKey>>()()));
        builder.Services.AddSingleton(provider => new UnwantedStatements(provider.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton<ReplicationTelemetry>();
        builder.Services.AddSingleton<StatementIntake>();
        builder.Services.AddSingleton<SqlReplica>();
        builder.Services.AddSingleton<IStatementChanges, SqlStatementChanges>();
        builder.Services.AddSingleton<ReplicaFollower>();
        builder.Services.AddHostedService<RegistrySync>();
        builder.Services.AddSingleton<StatementGossip>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<StatementGossip>());
        builder.Services.AddSingleton<PublisherWork>();
        builder.Services.AddHostedService<PublisherWorkCare>();
    }
}
