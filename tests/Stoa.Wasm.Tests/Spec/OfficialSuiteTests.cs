using System.Text;

namespace Stoa.Wasm.Tests.Spec;

/// <summary>The official test suite of WebAssembly 2.0, all files in one run.</summary>
[Trait("needs", "wabt")]
[Trait("speed", "slow")]
public sealed class OfficialSuiteTests(ITestOutputHelper output)
{
    [Fact]
    public void OfficialSuite_AllFiles_PassWhatConcernsBinaryModulesAndExecution()
    {
        if (SpecTools.MissingReason is { } reason)
            Assert.Skip(reason);
        var folder = Directory.CreateTempSubdirectory("stoa-spec-");
        try
        {
            var counts = new List<SpecCounts>();

            // The suite recurses without end on purpose, as deep as the stack allows.
            var thread = new Thread(() => counts.AddRange(SpecTools.Convert(folder.FullName).Select(file => SpecScript.Run(file.Key, file.Value))), 64 << 20);
            thread.Start();
            thread.Join();
            string report = Report(counts);
            output.WriteLine(report);
            counts.SelectMany(file => file.Failures).ShouldBeEmpty();
            counts.Sum(file => file.Passed).ShouldBeGreaterThan(20_000);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string Report(List<SpecCounts> counts)
    {
        var report = new StringBuilder();
        report.AppendLine($"{"file",-28}{"passed",8}{"failed",8}{"skipped",9}");
        foreach (var file in counts)
        {
            string reasons = string.Join(", ", file.Skipped.Select(skip => $"{skip.Key} {skip.Value}"));
            report.AppendLine($"{file.File,-28}{file.Passed,8}{file.Failures.Count,8}{file.SkippedCount,9}  {reasons}");
        }

        report.AppendLine($"{"total",-28}{counts.Sum(file => file.Passed),8}{counts.Sum(file => file.Failures.Count),8}{counts.Sum(file => file.SkippedCount),9}");
        return report.ToString();
    }
}
