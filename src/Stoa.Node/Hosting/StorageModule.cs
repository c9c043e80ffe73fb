using Stoa.Market.Ledger;
using Stoa.Node.Identity;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Hosting;

/// <summary>Opens the storage before anything is wired, so that whoever is given a store has one that works.</summary>
public static class StorageModule
{
    public static StorageOptions AddStorage(this WebApplicationBuilder builder)
    {
        // The database is in the node's own folder unless it was told otherwise.
        const string folderKey = RoomOptions.Root + ":Storage:DataFolder";
        builder.Configuration[folderKey] ??= builder.Configuration[RoomOptions.Root + ":Node:DataFolder"] ?? new NodeOptions().DataFolder;
        return builder.AddRoomOptions("Storage", new StorageOptions(), options => options.Validate());
    }

    /// <summary>Opens the database and what all nodes of the cell share in it.</summary>
    /// <exception cref="StorageUnusableException">It cannot be used.</exception>
    public static async Task<Database> OpenStorageAsync(
        this WebApplicationBuilder builder, StorageOptions options, NodePhysics physics, CancellationToken cancellationToken)
    {
        var database = await Database.OpenAsync(options, physics.Time, cancellationToken);
        try
        {
            await JournalUpgrade.RunAsync(database, cancellationToken);
            // Made by a function, so that the container disposes of it.
            builder.Services.AddSingleton(_ => database);
            builder.Services.AddSingleton(await CellKey.OpenAsync(database, builder.Configuration[$"{RoomOptions.Root}:Identity:CellKey"], physics.Time, cancellationToken));
            builder.Services.AddSingleton(await SystemAccounts.OpenAsync(
                new SqlLedgerStore(database), new IdSource(physics.Time, physics.Random), physics.Time, cancellationToken));
            return database;
        }
        catch
        {
            await database.DisposeAsync();
            throw;
        }
    }
}
