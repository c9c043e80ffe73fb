using Stoa.Node.Storage;

namespace Stoa.Node.Tests.Storage;

public sealed class StorageOptionsTests
{
    [Fact]
    public async Task Open_WithWrongOptions_SaysEveryReason()
    {
        var options = new StorageOptions(StorageProvider.Postgres, MaxQueuedWrites: 0);

        var refused = await Should.ThrowAsync<StorageUnusableException>(() => OpenAsync(options));

        refused.Message.ShouldContain("Storage:ConnectionString");
        refused.Message.ShouldContain("Storage:MaxQueuedWrites");
    }

    [Theory]
    [InlineData("Host=/nowhere-at-all;Database=stoa", "cannot be used")]
    [InlineData("Nonsense=1", "not a PostgreSQL connection string")]
    public async Task Open_WithNoServerBehindTheConnectionString_SaysSo(string connectionString, string said)
    {
        var refused = await Should.ThrowAsync<StorageUnusableException>(
            () => OpenAsync(new StorageOptions(StorageProvider.Postgres, ConnectionString: connectionString)));

        refused.Message.ShouldContain(said);
    }

    [Fact]
    public async Task Open_InAFolderThatCannotBeMade_SaysSo()
    {
        var file = Path.GetTempFileName();
        try
        {
            var refused = await Should.ThrowAsync<StorageUnusableException>(
                () => OpenAsync(new StorageOptions(DataFolder: Path.Combine(file, "below"))));

            refused.Message.ShouldContain("cannot be made");
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static async Task OpenAsync(StorageOptions options)
    {
        await using var database = await Database.OpenAsync(options, TimeProvider.System, TestContext.Current.CancellationToken);
    }
}
