namespace Stoa.Market.Workflows;

/// <summary>Why something is not done with a workflow.</summary>
public enum WorkflowRefusal
{
    /// <summary>The document is none, or does not hold together; every reason is listed.</summary>
    WorkflowInvalid,

    /// <summary>What a run is given does not fit the workflow's schema; every reason is listed.</summary>
    WorkflowInputInvalid,
}
