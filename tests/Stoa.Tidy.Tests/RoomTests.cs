using System.Text.RegularExpressions;

namespace Stoa.Tidy.Tests;

/// <summary>Who may use whom. The table is the one of ARCHITECTURE.md; the code is checked by its using lines.</summary>
public sealed partial class RoomTests
{
    /// <summary>The arrows between projects in ARCHITECTURE.md.</summary>
    private static readonly ILookup<string, string> s_arrows = Checkout.Lines("ARCHITECTURE.md")
        .SkipWhile(line => line != "## Rooms and directions").TakeWhile(line => line != "Inside the market:")
        .Select(line => Arrow().Match(line)).Where(match => match.Success)
        .ToLookup(match => "Stoa." + match.Groups[1].Value, match => "Stoa." + match.Groups[2].Value);

    /// <summary>The projects that have rooms of their own, and the heading over the table of these.</summary>
    private static readonly (string Project, string Heading)[] s_tables = [("Stoa.Market", "Inside the market:"), ("Stoa.Network", "## The network")];

    /// <summary>The commands that reach past the client, and why, are in ARCHITECTURE.md.</summary>
    private static readonly Dictionary<string, string[]> s_cliDoors = new()
    {
        ["Stoa.Node"] = ["UpCommand.cs", "LocalNode.cs"],
        ["Stoa.Llama"] = ["ModelServeCommand.cs", "Program.cs"],
        ["Stoa.Wasm"] = ["WasmRunCommand.cs", "ProgramFile.cs"],
        ["Stoa.Market"] = ["ReceiptCheck.cs", "CalledAgents.cs", "ReceiptTree.cs", "AuctionCheck.cs", "LedgerCheck.cs", "LedgerCommands.cs", "AuditFileCheck.cs", "ContradictionCheck.cs", "AuditCommands.cs", "ChannelDesk.cs", "ReceiptVerifyCommand.cs", "TourCommand.cs", "AgentFolder.cs", "UsedVersions.cs", "ProgramFile.cs", "WasmRunCommand.cs"],
    };

    [Fact]
    public void Projects_UseOnlyRoomsBelowThem()
    {
        var faults =
            from file in Checkout.Files("src", "*.cs")
            let project = file.Split('/')[1]
            from used in UsedNamespaces(file)
            let usedProject = string.Join('.', used.Split('.').Take(2))
            where usedProject != project && !Below(project).Contains(usedProject)
            where !(project == "Stoa.Cli" && s_cliDoors.GetValueOrDefault(usedProject, []).Contains(Path.GetFileName(file)))
            select $"{file} uses {used}";
        faults.ShouldBeEmpty();
    }

    [Fact]
    public void Rooms_UseWhatTheTableSays()
    {
        foreach (var (project, heading) in s_tables)
        {
            var used = (
                from file in Checkout.Files("src/" + project, "*.cs")
                let parts = file.Split('/')
                where parts.Length > 3
                from name in UsedNamespaces(file)
                let names = name.Split('.')
                where names.Length > 1
                let room = names[1] == "Wasm" ? "Wasm" : $"{names[0]}.{names[1]}" == project && names.Length > 2 ? names[2] : null
                // What is in no room at all, such as how records are signed, all of them use.
                where room is not null && room != parts[2] && !File.Exists(Path.Combine(Checkout.Root, "src", project, room + ".cs"))
                select (Room: parts[2], Uses: room)).ToHashSet();
            var said = TableUnder(heading).SelectMany(row => row.Uses.Select(uses => (row.Room, Uses: uses))).ToHashSet();

            used.Except(said).ShouldBeEmpty($"{project}: used, and not in the table under '{heading}'");
            said.Except(used).ShouldBeEmpty($"{project}: in the table under '{heading}', and not used");
        }
    }

    [Fact]
    public void Rooms_AreAllInTheTable_AndNoneUsesItselfByAnother()
    {
        foreach (var (project, heading) in s_tables)
        {
            var table = TableUnder(heading).ToDictionary(row => row.Room, row => row.Uses);
            Directory.EnumerateDirectories(Path.Combine(Checkout.Root, "src", project)).Select(folder => Path.GetFileName(folder)!).Where(room => room is not ("bin" or "obj"))
                .ShouldBe(table.Keys, ignoreOrder: true);
            var settled = new HashSet<string> { "Wasm" };
            while (table.Where(row => !settled.Contains(row.Key) && row.Value.All(settled.Contains)).Select(row => row.Key).ToList() is { Count: > 0 } next)
                settled.UnionWith(next);
            table.Keys.Except(settled).ShouldBeEmpty($"{project}: these use each other in a circle");
        }
    }

    [Fact]
    public void Market_KnowsNeitherWebNorSql()
    {
        var faults =
            from file in Checkout.Files("src/Stoa.Market", "*.cs")
            from line in Checkout.Lines(file)
            where line.StartsWith("using Microsoft.AspNetCore", StringComparison.Ordinal)
                || line.StartsWith("using System.Data", StringComparison.Ordinal)
                || line.StartsWith("using Npgsql", StringComparison.Ordinal)
                || line.StartsWith("using Microsoft.Data", StringComparison.Ordinal)
            select $"{file}: {line}";
        faults.ShouldBeEmpty();
    }

    [Fact]
    public void Namespaces_AreTheirFolders()
    {
        var faults =
            from file in Checkout.Files("src", "*.cs")
            let expected = string.Join('.', file.Split('/')[1..^1])
            let declared = Checkout.Lines(file).FirstOrDefault(line => line.StartsWith("namespace ", StringComparison.Ordinal))
            where declared is not null && declared != $"namespace {expected};"
            select $"{file}: {declared}";
        faults.ShouldBeEmpty();
    }

    [Fact]
    public void RoomTable_OfTheReadmeNamesEveryProject()
    {
        var readme = Checkout.Read("README.md");
        Directory.EnumerateDirectories(Path.Combine(Checkout.Root, "src"))
            .Select(Path.GetFileName)
            .Where(project => !readme.Contains($"`{project}`", StringComparison.Ordinal))
            .ShouldBeEmpty();
    }

    /// <summary>What is reached by the arrows.</summary>
    private static IEnumerable<string> Below(string project) => s_arrows[project].SelectMany(below => Below(below).Prepend(below));

    private static IReadOnlyList<(string Room, string[] Uses)> TableUnder(string heading) =>
    [
        .. Checkout.Lines("ARCHITECTURE.md")
            .SkipWhile(line => line != heading).SkipWhile(line => !line.StartsWith('|')).TakeWhile(line => line.StartsWith('|')).Skip(2)
            .Select(line => line.Split('|'))
            .Select(cells => (cells[1].Trim(), cells[2].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))),
    ];

    private static IEnumerable<string> UsedNamespaces(string file) =>
        Checkout.Lines(file)
            .Select(line => UsingLine().Match(line))
            .Where(match => match.Success)
            .Select(match => match.Groups[1].Value);

    [GeneratedRegex(@"^    (\w+) --(?: [\w ]+ --)?> (\w+)$")]
    private static partial Regex Arrow();

    [GeneratedRegex(@"^using (?:static )?(?:\w+ = )?(Stoa\.[\w.]+)")]
    private static partial Regex UsingLine();
}
