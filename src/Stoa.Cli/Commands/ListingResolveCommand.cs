using System.CommandLine;
using System.Text.Json;
using Stoa.Cli.Terminal;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa listing resolve</c>.</summary>
internal sealed class ListingResolveCommand : StoaCommand
{
    private const string LockFile = "stoa.lock";
    private const int LockFormat = 2;

    // Of agents alone, without the digests of their manifests.
    private const int FirstLockFormat = 1;
    private const int LockBytesMax = 4 << 20;

    private readonly Argument<string[]> _listings = new("LISTING")
    {
        Description = "HANDLE/NAME or KEY/NAME, with a range behind @, such as stoa/image-resize@^1.0.0. Several have to fit together.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<bool> _lock = new("--lock") { Description = $"Write what was found, with digests, to {LockFile} in this folder." };
    private readonly Option<bool> _check = new("--check") { Description = $"Instead: check that all in {LockFile} of this folder is still offered, with the same digests." };

    public ListingResolveCommand(CommandScope scope)
        : base(
            scope,
            "resolve",
            "Find the newest versions of listings that fit together with all that they need: agents with the agents that they call and their models, bundles with all that belongs to them.",
            new("An agent and what it needs", "stoa listing resolve stoa/picture-page"),
            new("All that belongs to a bundle", "stoa listing resolve ada/chat-kit --lock"),
            new("Two that have to fit, written down", "stoa listing resolve stoa/picture-page@^1.0.0 stoa/image-resize@~1.1 --lock"),
            new("Is what was written down still there, and still the same?", "stoa listing resolve --check"))
    {
        Add(_listings);
        Add(_lock);
        Add(_check);
        Validators.Add(result =>
        {
            var (listings, checks) = (result.GetValue(_listings) ?? [], result.GetValue(_check));
            if (checks && (listings.Length > 0 || result.GetValue(_lock)))
                result.AddError($"--check looks at {LockFile} alone; leave out LISTING and --lock.");
            if (!checks && listings.Length == 0)
                result.AddError("Name a LISTING, or check the lock file with --check.");
        });
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var path = invocation.Surroundings.FullPath(LockFile);
        if (invocation.Get(_check))
            return await CheckAsync(invocation, path, cancellationToken);
        var asked = invocation.Get(_listings)!;
        var (publisher, name, range) = Split(asked[0]);
        var found = await invocation.Client.ResolveListingAsync(publisher, name, range, [.. asked.Skip(1)], cancellationToken);
        if (invocation.Get(_lock))
        {
            var written = JsonSerializer.SerializeToUtf8Bytes(new ListingLock(LockFormat, asked, found.Versions), StoaJson.Default.ListingLock);
            // Whoever reads it meanwhile finds the old one or the new one.
            await File.WriteAllBytesAsync(path + ".new", written, cancellationToken);
            File.Move(path + ".new", path, overwrite: true);
            invocation.Screen.Note($"[grey]Written to {LockFile}.[/]");
        }

        if (invocation.IsJson)
        {
            invocation.Screen.Json(found, json => json.ResolutionResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Table(
            ["Listing", "Kind", "Version", "Needed by", "Content"],
            [.. found.Versions.Select(version => (IReadOnlyList<string>)
            [
                version.Name,
                version.Kind,
                version.Version,
                string.Join(", ", [.. version.NeededBy, .. (version.PreferredBy ?? []).Select(by => $"{by} (preferred)")]),
                version.ProgramDigest ?? version.Content?.Digest ?? "",
            ])]);
        foreach (var left in found.LeftOut ?? [])
            invocation.Screen.Note($"[grey]Left out:[/] {Format.Escaped(Format.Line(left.Reason))}");
        return ExitCode.Ok;
    }

    private static async Task<int> CheckAsync(Invocation invocation, string path, CancellationToken cancellationToken)
    {
        var locked = await ReadLockAsync(path, cancellationToken);
        var faults = new List<string>();
        foreach (var version in locked.Versions)
        {
            if (await FindFaultAsync(invocation.Client, version, cancellationToken) is { } fault)
                faults.Add($"{version.Name}@{version.Version} {fault}");
        }

        if (faults.Count > 0)
            throw new CommandFailure(string.Join(" ", faults), ExitCode.Refused, hint: $"Resolve anew with: stoa listing resolve {string.Join(' ', locked.Asked)} --lock");
        invocation.Screen.Note($"[grey]{Format.Count(locked.Versions.Count, "version is", "versions are")} offered as {LockFile} has them.[/]");
        return ExitCode.Ok;
    }

    /// <summary>What is not as it was locked, as the end of a sentence; null when all is.</summary>
    private static async Task<string?> FindFaultAsync(StoaClient client, ResolvedListingBody locked, CancellationToken cancellationToken)
    {
        var listing = CommonArguments.ParseAgent(locked.Listing);
        ListingVersionBody? found = null;
        try
        {
            // Of versions that differ in their build alone a range takes all.
            await foreach (var version in client.ListListingVersionsAsync(listing.Publisher, listing.Name, locked.Version.Split('+')[0], cancellationToken))
                found = version.Version == locked.Version ? version : found;
        }
        catch (StoaException refused) when (refused.Code == "notFound")
        {
            return "is not known here any more.";
        }

        return found switch
        {
            null => "is not known here any more.",
            { State: not "offered" } => $"is {found.State}{(found.Withdrawal?.Reason is { } reason ? $": {Format.Line(reason)}" : ".")}",
            _ when found.ProgramDigest != locked.ProgramDigest || found.ArtifactDigest != locked.ArtifactDigest => "is another program here than was locked.",
            _ when found.Content?.Digest != locked.Content?.Digest => "is other content here than was locked.",
            _ when locked.ManifestDigest is { } manifest && found.ManifestDigest != manifest => "has another manifest here than was locked.",
            _ => null,
        };
    }

    private static async Task<ListingLock> ReadLockAsync(string path, CancellationToken cancellationToken)
    {
        if (!File.Exists(path))
            throw new CommandFailure($"There is no {LockFile} in this folder.", hint: "Write one with: stoa listing resolve LISTING --lock");
        if (new FileInfo(path).Length > LockBytesMax)
            throw new CommandFailure($"{LockFile} is larger than any that is written.");
        try
        {
            if (JsonSerializer.Deserialize(await File.ReadAllBytesAsync(path, cancellationToken), StoaJson.Default.ListingLock) is { Format: FirstLockFormat or LockFormat, Versions: not null, Asked: not null } read)
                return read;
        }
        catch (JsonException)
        {
            // Said below, with what is JSON and no lock.
        }

        throw new CommandFailure($"{LockFile} is none that this stoa can read.", hint: "Write it anew with: stoa listing resolve LISTING --lock");
    }

    private static (string Publisher, string Name, string? Range) Split(string listing)
    {
        var at = listing.IndexOf('@', StringComparison.Ordinal);
        var agent = CommonArguments.ParseAgent(at < 0 ? listing : listing[..at]);
        return (agent.Publisher, agent.Name, at < 0 ? null : listing[(at + 1)..]);
    }
}
